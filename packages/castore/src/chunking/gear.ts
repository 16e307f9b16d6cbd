import { hashBytes } from '../digest/hasher.ts';

let table: Int32Array | undefined;

/**
 * 256 pseudo-random 32-bit numbers: the i-th is the first four bytes, little-endian, of the BLAKE3 of
 * "tvix castore fastcdc gear" followed by the byte i. They are part of the name `fastcdc-2020`: others would cut
 * elsewhere.
 */
export function gearTable(): Int32Array {
  table ??= Int32Array.from({ length: 256 }, (_, i) => {
    const seed = Buffer.from('tvix castore fastcdc gear ', 'latin1');
    seed[seed.length - 1] = i;
    return Buffer.from(hashBytes(seed).bytes).readInt32LE(0);
  });
  return table;
}
