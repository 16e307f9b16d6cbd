/** Orders byte strings as `memcmp` does, a prefix before what it begins: below zero, zero or above. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}
