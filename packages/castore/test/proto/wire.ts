import fc from 'fast-check';
import type { Arbitrary } from 'fast-check';

/** A writer of protobuf's wire format that may be as wasteful as the format allows. */

export function varint(value: bigint, padding = 0): number[] {
  const bytes: number[] = [];
  do {
    bytes.push(Number(value & 0x7fn) | 0x80);
    value >>= 7n;
  } while (value > 0n);
  for (let i = 0; i < padding && bytes.length < 10; i++) bytes.push(0x80);
  bytes.push(bytes.pop()! & 0x7f);
  return bytes;
}

export function field(number: number, type: number, body: number[]): number[] {
  return [...varint(BigInt((number << 3) | type)), ...body];
}

export function lengthDelimited(
  number: number,
  body: ArrayLike<number>,
  padding = 0,
): number[] {
  const length = varint(BigInt(body.length), padding);
  return field(number, 2, [...length, ...Array.from(body)]);
}

/** A field that no message of ours has, of any wire type. */
export const unknownField: Arbitrary<number[]> = fc
  .tuple(
    fc.integer({ min: 5, max: 5000 }),
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    fc.uint8Array({ maxLength: 8 }),
  )
  .chain(([number, value, bytes]) =>
    fc.constantFrom(
      field(number, 0, varint(value, 3)),
      field(number, 1, [1, 2, 3, 4, 5, 6, 7, 8]),
      lengthDelimited(number, bytes, 1),
      field(number, 5, [1, 2, 3, 4]),
      [
        ...field(number, 3, []),
        ...field(7, 0, varint(value)),
        ...field(9, 3, lengthDelimited(2, bytes)),
        ...field(9, 4, []),
        ...field(number, 4, []),
      ],
    ),
  );
