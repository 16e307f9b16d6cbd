import { isUtf8 } from 'node:buffer';

/**
 * Bytes as a string that JSON can hold. Where they are UTF-8 it is their text; a byte XX that is part of no UTF-8 sequence
 * becomes the lone surrogate U+DCXX, which JSON writes as `\udcXX` (as Python's `surrogateescape` does, and the listings
 * of NARs here). Distinct names stay distinct, and the bytes can be had back.
 */
export function jsonText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString();
  let text = '';
  for (let at = 0; at < buffer.length;) {
    const length = sequenceLength(buffer, at);
    text +=
      length === 0
        ? String.fromCharCode(0xdc00 | buffer[at]!)
        : buffer.toString('utf8', at, at + length);
    at += Math.max(length, 1);
  }
  return text;
}

/** Length of the well-formed UTF-8 sequence at `at`; 0 if there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++)
    if (isUtf8(bytes.subarray(at, at + length))) return length;
  return 0;
}
