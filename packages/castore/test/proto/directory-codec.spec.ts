import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DIRECTORIES } from '../../src/conformance/fixtures.ts';
import { Directory } from '../../src/node/directory.ts';
import type { NamedNode } from '../../src/node/node.ts';
import { Directory as GeneratedDirectory } from '../../src/proto/index.ts';
import {
  directoryMessage,
  encodeIndependently,
  wasteful,
} from './directory-messages.ts';
import { lengthDelimited, varint } from './wire.ts';

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
      fc.property(directoryMessage, (lists) => {
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
        directoryMessage.chain((lists) =>
          fc.tuple(fc.constant(lists), wasteful(lists)),
        ),
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

  it('tells of malformed bytes behind an invalid node, as all of the wire comes first', () => {
    const bytes = [...lengthDelimited(1, []), 0x0a, 0x05, 0x00];
    expect(() => Directory.decode(Uint8Array.from(bytes))).toThrow(
      expect.objectContaining({ code: 'castore/undecodable' }),
    );
  });

  it('keeps nothing of what comes behind an invalid node', () => {
    // As many nodes without a name as a message may hold.
    const bytes = Buffer.alloc(4 * 1024 * 1024, Uint8Array.of(0x0a, 0x00));
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    const before = process.memoryUsage().heapTotal;
    expect(() => Directory.decode(bytes)).toThrow(
      expect.objectContaining({ code: 'castore/invalid-node' }),
    );
    // All of them would take 180 MB.
    expect(process.memoryUsage().heapTotal - before).toBeLessThan(50_000_000);
  });
});
