import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import protobuf from 'protobufjs';
import { DIRECTORIES } from '../../src/conformance/fixtures.ts';
import { compareBytes } from '../../src/digest/bytes.ts';
import { Directory } from '../../src/node/directory.ts';
import type { NamedNode } from '../../src/node/node.ts';
import { Directory as GeneratedDirectory } from '../../src/proto/index.ts';
import { field, lengthDelimited, unknownField, varint } from './wire.ts';

/** The independent second codec, made from the schema while the test runs. */
const IndependentDirectory = protobuf
  .parse(
    readFileSync(
      fileURLToPath(
        new URL(
          '../../../../protos/tvix/castore/v1/castore.proto',
          import.meta.url,
        ),
      ),
      'utf8',
    ),
    { keepCase: true },
  )
  .root.lookupType('tvix.castore.v1.Directory');

interface Message {
  directories: { name: Uint8Array; digest: Uint8Array; size: bigint }[];
  files: {
    name: Uint8Array;
    digest: Uint8Array;
    size: bigint;
    executable: boolean;
  }[];
  symlinks: { name: Uint8Array; target: Uint8Array }[];
}

const MAX_U64 = (1n << 64n) - 1n;
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const size = fc.oneof(
  fc.bigInt({ min: 0n, max: MAX_U64 }),
  fc.constantFrom(0n, 1n, 127n, 128n, 1n << 32n, 1n << 53n, 1n << 63n, MAX_U64),
);
const name = fc
  .uint8Array({ minLength: 1, maxLength: 200 })
  .filter(
    (bytes) =>
      !bytes.includes(0) &&
      !bytes.includes(0x2f) &&
      !(
        bytes[0] === 0x2e &&
        (bytes.length === 1 || (bytes.length === 2 && bytes[1] === 0x2e))
      ),
  );
const target = fc
  .uint8Array({ minLength: 1, maxLength: 300 })
  .filter((bytes) => !bytes.includes(0));

const node = fc.oneof(
  fc.record({
    list: fc.constant('directories' as const),
    // Few enough that their sum stays within 64 bits.
    value: fc.record({
      digest,
      size: size.map((value) => value >> 10n),
    }),
  }),
  fc.record({
    list: fc.constant('files' as const),
    value: fc.record({ digest, size, executable: fc.boolean() }),
  }),
  fc.record({
    list: fc.constant('symlinks' as const),
    value: fc.record({ target }),
  }),
);

/** Valid messages. */
const message: Arbitrary<Message> = fc
  .uniqueArray(fc.tuple(name, node), {
    selector: ([bytes]) => Buffer.from(bytes).toString('latin1'),
    maxLength: 30,
  })
  .map((nodes) => {
    const lists: Message = { directories: [], files: [], symlinks: [] };
    nodes.sort(([a], [b]) => compareBytes(a, b));
    for (const [bytes, { list, value }] of nodes)
      (lists[list] as object[]).push({ name: bytes, ...value });
    return lists;
  });

/** What protobufjs takes: it has no bigint. */
function encodeIndependently(lists: Message): Uint8Array {
  const long = (value: bigint): unknown => ({
    low: Number(BigInt.asIntN(32, value)),
    high: Number(BigInt.asIntN(32, value >> 32n)),
    unsigned: true,
  });
  return IndependentDirectory.encode(
    IndependentDirectory.fromObject({
      ...lists,
      directories: lists.directories.map((value) => ({
        ...value,
        size: long(value.size),
      })),
      files: lists.files.map((value) => ({ ...value, size: long(value.size) })),
    }),
  ).finish();
}

/** The message in a form that means the same and is anything but canonical. */
function wasteful(lists: Message): Arbitrary<Uint8Array> {
  const bodies = [
    ...lists.directories.map((value) => [1, value] as const),
    ...lists.files.map((value) => [2, value] as const),
    ...lists.symlinks.map((value) => [3, value] as const),
  ];
  const junk = fc.array(unknownField, { maxLength: 2 });
  const element = ([list, value]: (typeof bodies)[number]): Arbitrary<
    number[]
  > =>
    fc
      .tuple(
        fc.shuffledSubarray([1, 2, 3, 4], { minLength: 4 }),
        fc.array(junk, { minLength: 6, maxLength: 6 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.integer({ min: 0, max: 9 }),
      )
      .map(([order, extra, overridden, padding]) => {
        const data = 'target' in value ? value.target : value.digest;
        const fields: Record<number, number[]> = {
          1: [
            ...lengthDelimited(1, overridden),
            ...lengthDelimited(1, value.name, 2),
          ],
          2: [
            ...lengthDelimited(2, overridden),
            ...lengthDelimited(2, data, padding),
          ],
          3:
            'size' in value
              ? [
                  ...field(3, 0, varint(42n)),
                  ...field(3, 0, varint(value.size, padding)),
                ]
              : [],
          4:
            'executable' in value
              ? [
                  ...field(4, 0, varint(value.executable ? 0n : 1n)),
                  ...field(4, 0, varint(value.executable ? 1n : 0n, padding)),
                ]
              : [],
        };
        return lengthDelimited(
          list,
          [
            ...order.flatMap((number, i) => [
              ...extra[i]!.flat(),
              ...fields[number]!,
            ]),
            ...extra[5]!.flat(),
          ],
          1,
        );
      });
  // The lists may be told in turns; only the order within each counts.
  return fc
    .tuple(
      fc.tuple(...bodies.map(element)),
      fc.array(junk, {
        minLength: bodies.length + 1,
        maxLength: bodies.length + 1,
      }),
      fc.array(fc.nat(), {
        minLength: bodies.length,
        maxLength: bodies.length,
      }),
    )
    .map(([elements, extra, turns]) => {
      const queues = [1, 2, 3].map((list) =>
        elements.filter((_, i) => bodies[i]![0] === list),
      );
      const out: number[] = [...extra.at(-1)!.flat()];
      for (const [i, turn] of turns.entries()) {
        const waiting = queues.filter((queue) => queue.length > 0);
        out.push(
          ...extra[i]!.flat(),
          ...waiting[turn % waiting.length]!.shift()!,
        );
      }
      return Uint8Array.from(out);
    });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('the codec of directories', () => {
  it.each(DIRECTORIES)('gives the known bytes: $name', (fixture) => {
    const { directory, encoded, digest } = fixture;
    expect(hex(directory.encode())).toBe(hex(encoded));
    expect(directory.digest).toEqual(digest);
    expect(Directory.decode(encoded)).toEqual(directory);
  });

  it('writes the bytes that the generated and the independent codec write, and reads them', () => {
    fc.assert(
      fc.property(message, (lists) => {
        const generated = GeneratedDirectory.encode(lists).finish();
        expect(hex(generated)).toBe(hex(encodeIndependently(lists)));
        const directory = Directory.decode(generated);
        expect(hex(directory.encode())).toBe(hex(generated));
        expect(directory.entries).toHaveLength(
          lists.directories.length + lists.files.length + lists.symlinks.length,
        );
        expect(
          hex(Directory.fromEntries([...directory.entries].reverse()).encode()),
        ).toBe(hex(generated));
      }),
      { numRuns: 300, verbose: 1 },
    );
  });

  it('reads any encoding of a message as its canonical one', () => {
    fc.assert(
      fc.property(
        message.chain((lists) => fc.tuple(fc.constant(lists), wasteful(lists))),
        ([lists, bytes]) => {
          const canonical = hex(encodeIndependently(lists));
          expect(hex(Directory.decode(bytes).encode())).toBe(canonical);
          expect(
            hex(
              GeneratedDirectory.encode(
                GeneratedDirectory.decode(bytes),
              ).finish(),
            ),
          ).toBe(canonical);
        },
      ),
      { numRuns: 300, verbose: 1 },
    );
  });

  it('merges the lists into one order', () => {
    const named = (letters: string, make: (name: Uint8Array) => object) =>
      [...letters].map((letter) => make(Buffer.from(letter)));
    const bytes = GeneratedDirectory.encode({
      directories: named('cdhl', (letter) => ({
        name: letter,
        digest: new Uint8Array(32),
        size: 0n,
      })) as never,
      files: named('begj', (letter) => ({
        name: letter,
        digest: new Uint8Array(32),
        size: 0n,
        executable: false,
      })) as never,
      symlinks: named('afik', (letter) => ({
        name: letter,
        target: letter,
      })) as never,
    }).finish();
    const names = Directory.decode(bytes).entries.map((entry: NamedNode) =>
      Buffer.from(entry.name).toString(),
    );
    expect(names.join('')).toBe('abcdefghijkl');
  });

  it('fails on arbitrary bytes with one of its codes, or reads what the generated codec reads', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        let directory: Directory;
        try {
          directory = Directory.decode(bytes);
        } catch (error) {
          expect(error).toMatchObject({
            code: expect.stringMatching(
              /^castore\/(undecodable|invalid-node|wrong-sorting|duplicate-name|size-overflow)$/,
            ) as unknown,
          });
          return;
        }
        expect(hex(directory.encode())).toBe(
          hex(
            GeneratedDirectory.encode(
              GeneratedDirectory.decode(bytes),
            ).finish(),
          ),
        );
      }),
      { numRuns: 2000, verbose: 1 },
    );
  });

  it.each<[string, number[]]>([
    ['a tag that is cut off', [0x80]],
    ['field number 0', [0x02, 0x00]],
    ['a field number beyond 29 bits', [...varint(1n << 32n), 0]],
    ['a length beyond the end', [0x0a, 0x05, 0x00]],
    ['a length of 2^63', [0x0a, ...varint(1n << 63n)]],
    ['a varint of eleven bytes', [0x28, ...Array<number>(10).fill(0x80), 0]],
    ['a varint beyond 64 bits', [0x28, ...Array<number>(9).fill(0xff), 2]],
    ['wire type 6', [0x2e]],
    ['wire type 7', [0x2f]],
    ['the end of a group that did not begin', [0x2c]],
    ['a group without an end', [0x2b, 0x30, 0x00]],
    ['a group that ends as another', [0x2b, 0x34]],
    [
      '101 groups in each other',
      [...Array<number>(101).fill(0x2b), ...Array<number>(101).fill(0x2c)],
    ],
    ['a fixed 64-bit field that is cut off', [0x29, 1, 2, 3]],
    ['a fixed 32-bit field that is cut off', [0x2d, 1, 2, 3]],
    ['a list that is no message', [0x08, 0x00]],
    ['a name that is a number', lengthDelimited(1, [0x08, 0x00])],
    ['a size that is bytes', lengthDelimited(1, [0x1a, 0x00])],
    [
      'a field that reaches beyond its message',
      lengthDelimited(1, [0x0a, 0x02, 0x61]).concat([0x61]),
    ],
  ])('rejects %s as undecodable', (_, bytes) => {
    expect(() => Directory.decode(Uint8Array.from(bytes))).toThrow(
      expect.objectContaining({ code: 'castore/undecodable' }),
    );
  });

  it('takes 100 groups in each other', () => {
    const bytes = [
      ...Array<number>(100).fill(0x2b),
      ...Array<number>(100).fill(0x2c),
    ];
    expect(Directory.decode(Uint8Array.from(bytes)).entries).toEqual([]);
  });
});

describe('the rules of directories', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const DIGEST = new Uint8Array(32);
  const dir = (text: string, dirSize = 0n, dirDigest = DIGEST) => ({
    name: bytes(text),
    digest: dirDigest,
    size: dirSize,
  });
  const fileNode = (text: string, fileDigest = DIGEST) => ({
    name: bytes(text),
    digest: fileDigest,
    size: 0n,
    executable: false,
  });
  const link = (text: string, to = 'x') => ({
    name: bytes(text),
    target: bytes(to),
  });
  const SHORT = Uint8Array.of(0x00, 0x42);

  /** Decodes a message, and gives the error with that of the node, if it is one. */
  function failure(lists: Partial<Message>): unknown[] {
    const encoded = GeneratedDirectory.encode({
      directories: [],
      files: [],
      symlinks: [],
      ...lists,
    }).finish();
    try {
      Directory.decode(encoded);
    } catch (error) {
      const { code, details, cause } = error as {
        code: string;
        details: { name?: Uint8Array };
        cause?: { code: string };
      };
      const text = details.name && Buffer.from(details.name).toString();
      return [code, text, ...(cause === undefined ? [] : [cause.code])];
    }
    return [];
  }

  it.each<[string, Partial<Message>, unknown[]]>([
    [
      'a directory without a name',
      { directories: [dir('')] },
      ['castore/invalid-node', '', 'castore/invalid-name'],
    ],
    [
      'a directory .',
      { directories: [dir('.')] },
      ['castore/invalid-node', '.', 'castore/invalid-name'],
    ],
    [
      'a file ..',
      { files: [fileNode('..')] },
      ['castore/invalid-node', '..', 'castore/invalid-name'],
    ],
    [
      'a link with NUL in its name',
      { symlinks: [link('\0')] },
      ['castore/invalid-node', '\0', 'castore/invalid-name'],
    ],
    [
      'a link with a slash in its name',
      { symlinks: [link('foo/bar')] },
      ['castore/invalid-node', 'foo/bar', 'castore/invalid-name'],
    ],
    [
      'a digest of two bytes',
      { directories: [dir('foo', 0n, SHORT)] },
      ['castore/invalid-node', 'foo', 'castore/invalid-digest-length'],
    ],
    [
      'a file without a digest',
      { files: [fileNode('foo', new Uint8Array(0))] },
      ['castore/invalid-node', 'foo', 'castore/invalid-digest-length'],
    ],
    [
      'a link to nothing',
      { symlinks: [link('foo', '')] },
      ['castore/invalid-node', 'foo', 'castore/invalid-symlink-target'],
    ],
    [
      'a link with NUL in its target',
      { symlinks: [link('foo', 'foo\0')] },
      ['castore/invalid-node', 'foo', 'castore/invalid-symlink-target'],
    ],
    [
      'directories out of order',
      { directories: [dir('b'), dir('a')] },
      ['castore/wrong-sorting', 'a'],
    ],
    [
      'directories of one name',
      { directories: [dir('a'), dir('a')] },
      ['castore/duplicate-name', 'a'],
    ],
    [
      'a directory and a file of one name',
      { directories: [dir('a')], files: [fileNode('a')] },
      ['castore/duplicate-name', 'a'],
    ],
    [
      'a file and a link of one name',
      { files: [fileNode('b')], symlinks: [link('a'), link('b')] },
      ['castore/duplicate-name', 'b'],
    ],
    [
      'a directory and a link of one name',
      {
        directories: [dir('b'), dir('c')],
        files: [fileNode('a')],
        symlinks: [link('c')],
      },
      ['castore/duplicate-name', 'c'],
    ],
    [
      'a child of 2^64-1 elements',
      { directories: [dir('foo', MAX_U64)] },
      ['castore/size-overflow', undefined],
    ],
    [
      'two children of half as many',
      { directories: [dir('a', MAX_U64 / 2n), dir('b', MAX_U64 / 2n)] },
      ['castore/size-overflow', undefined],
    ],
    [
      'a digest before a name',
      { directories: [dir('', 0n, SHORT)] },
      ['castore/invalid-node', '', 'castore/invalid-digest-length'],
    ],
    [
      'a target before a name',
      { symlinks: [link('/', '')] },
      ['castore/invalid-node', '/', 'castore/invalid-symlink-target'],
    ],
    [
      'a node before its order',
      { directories: [dir('b'), dir('a', 0n, SHORT)] },
      ['castore/invalid-node', 'a', 'castore/invalid-digest-length'],
    ],
    [
      'the order before a name of another list',
      { directories: [dir('a')], files: [fileNode('b'), fileNode('a')] },
      ['castore/wrong-sorting', 'a'],
    ],
    [
      'directories before files',
      { directories: [dir('b'), dir('a')], files: [fileNode('')] },
      ['castore/wrong-sorting', 'a'],
    ],
    [
      'files before links',
      { files: [fileNode('')], symlinks: [link('b'), link('a')] },
      ['castore/invalid-node', '', 'castore/invalid-name'],
    ],
    [
      'all lists before the sum of sizes',
      { directories: [dir('a', MAX_U64)], symlinks: [link('a')] },
      ['castore/duplicate-name', 'a'],
    ],
  ])('reports %s', (_, lists, expected) => {
    expect(failure(lists)).toEqual(expected);
  });

  it.each<[string, Partial<Message>]>([
    ['a child of 2^64-2 elements', { directories: [dir('a', MAX_U64 - 1n)] }],
    [
      'links that come before directories by name',
      { directories: [dir('b'), dir('c')], symlinks: [link('a')] },
    ],
    [
      'names that are a prefix of others',
      {
        directories: [dir('a')],
        files: [fileNode('aa')],
        symlinks: [link('aaa')],
      },
    ],
  ])('accepts %s', (_, lists) => {
    expect(failure(lists)).toEqual([]);
  });
});
