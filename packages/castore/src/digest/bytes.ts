/** As many bytes are compared here: for a few, the call into native code costs more than they do. */
const SHORT = 32;

/** Orders byte strings as `memcmp` does, a prefix before what it begins: below zero, zero or above. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length);
  const short = Math.min(common, SHORT);
  for (let i = 0; i < short; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return common > SHORT ? Buffer.compare(a, b) : a.length - b.length;
}
