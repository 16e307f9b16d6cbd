/** The bytes of an ASCII text. A character beyond ASCII is a mistake of the caller, and a RangeError. */
export function ascii(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f)
      throw new RangeError(`character ${i} is not ASCII: ${text}`);
    bytes[i] = code;
  }
  return bytes;
}
