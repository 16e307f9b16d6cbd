import { assertLength } from './constraints.ts';
import { NarError } from './errors.ts';
import { matches, readUint32 } from './wire.ts';

/** Refuses bytes that differ from the keywords, compared from byte `from` of the constant on; returns where they end. */
export function expectKeywords(
  bytes: Uint8Array,
  at: number,
  keywords: Uint8Array,
  from: number,
  problem: string,
): number {
  if (!matches(bytes, at, keywords, from)) {
    throw new NarError('nar/invalid-data', problem);
  }
  return at + keywords.length - from;
}

/** Refuses padding that is not zero. */
export function expectPadding(
  bytes: Uint8Array,
  at: number,
  length: number,
): void {
  for (let i = at; i < at + length; i++) {
    if (bytes[i] !== 0) {
      throw new NarError('nar/invalid-padding', 'padding is not zero');
    }
  }
}

/** Reads the length of a name or target, and refuses it beyond its limit. */
export function readLength(
  what: 'name' | 'target',
  bytes: Uint8Array,
  at: number,
  limit: number,
): number {
  const length = readUint32(bytes, at);
  assertLength(what, length, readUint32(bytes, at + 4), limit);
  return length;
}

/** Reads the size of a file. */
export function readSize(bytes: Uint8Array, at: number): bigint {
  const low = readUint32(bytes, at);
  const high = readUint32(bytes, at + 4);
  return high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low);
}
