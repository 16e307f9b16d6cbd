import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import protobuf from 'protobufjs';
import { compareBytes } from '../../src/digest/bytes.ts';
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

/** A message as both other codecs take it. */
export interface DirectoryMessage {
  directories: { name: Uint8Array; digest: Uint8Array; size: bigint }[];
  files: {
    name: Uint8Array;
    digest: Uint8Array;
    size: bigint;
    executable: boolean;
  }[];
  symlinks: { name: Uint8Array; target: Uint8Array }[];
}

export const MAX_U64 = (1n << 64n) - 1n;
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
export const directoryMessage: Arbitrary<DirectoryMessage> = fc
  .uniqueArray(fc.tuple(name, node), {
    selector: ([bytes]) => Buffer.from(bytes).toString('latin1'),
    maxLength: 30,
  })
  .map((nodes) => {
    const lists: DirectoryMessage = {
      directories: [],
      files: [],
      symlinks: [],
    };
    nodes.sort(([a], [b]) => compareBytes(a, b));
    for (const [bytes, { list, value }] of nodes)
      (lists[list] as object[]).push({ name: bytes, ...value });
    return lists;
  });

/** The bytes of the independent codec, which has no bigint. */
export function encodeIndependently(lists: DirectoryMessage): Uint8Array {
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
export function wasteful(lists: DirectoryMessage): Arbitrary<Uint8Array> {
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
