/** CRC-64 of ECMA-182, reflected, as xz has it: eight bytes a step, each half of the remainder as 32 bits. */
const POLYNOMIAL_HIGH = 0xc96c5795;
const POLYNOMIAL_LOW = 0xd7870f42;

/** `TABLE_*[256 * k + byte]` is what a byte becomes that `k` more bytes follow. */
const TABLE_HIGH = new Uint32Array(8 * 256);
const TABLE_LOW = new Uint32Array(8 * 256);

for (let byte = 0; byte < 256; byte++) {
  let high = 0;
  let low = byte;
  for (let bit = 0; bit < 8; bit++) {
    const isOdd = (low & 1) === 1;
    low = ((low >>> 1) | (high << 31)) ^ (isOdd ? POLYNOMIAL_LOW : 0);
    high = (high >>> 1) ^ (isOdd ? POLYNOMIAL_HIGH : 0);
  }
  TABLE_HIGH[byte] = high;
  TABLE_LOW[byte] = low;
}
for (let at = 256; at < 8 * 256; at++) {
  const high = TABLE_HIGH[at - 256]!;
  const low = TABLE_LOW[at - 256]!;
  const byte = low & 0xff;
  TABLE_HIGH[at] = (high >>> 8) ^ TABLE_HIGH[byte]!;
  TABLE_LOW[at] = ((low >>> 8) | (high << 24)) ^ TABLE_LOW[byte]!;
}

/** The CRC-64 of bytes that come in pieces. */
export class Crc64 {
  #high = ~0;
  #low = ~0;

  update(bytes: Uint8Array): void {
    let high = this.#high;
    let low = this.#low;
    let at = 0;
    for (; at + 8 <= bytes.length; at += 8) {
      const a = low ^ readUint32(bytes, at);
      const b = high ^ readUint32(bytes, at + 4);
      const i0 = 0x700 + (a & 0xff);
      const i1 = 0x600 + ((a >>> 8) & 0xff);
      const i2 = 0x500 + ((a >>> 16) & 0xff);
      const i3 = 0x400 + (a >>> 24);
      const i4 = 0x300 + (b & 0xff);
      const i5 = 0x200 + ((b >>> 8) & 0xff);
      const i6 = 0x100 + ((b >>> 16) & 0xff);
      const i7 = b >>> 24;
      high =
        TABLE_HIGH[i0]! ^
        TABLE_HIGH[i1]! ^
        TABLE_HIGH[i2]! ^
        TABLE_HIGH[i3]! ^
        TABLE_HIGH[i4]! ^
        TABLE_HIGH[i5]! ^
        TABLE_HIGH[i6]! ^
        TABLE_HIGH[i7]!;
      low =
        TABLE_LOW[i0]! ^
        TABLE_LOW[i1]! ^
        TABLE_LOW[i2]! ^
        TABLE_LOW[i3]! ^
        TABLE_LOW[i4]! ^
        TABLE_LOW[i5]! ^
        TABLE_LOW[i6]! ^
        TABLE_LOW[i7]!;
    }
    for (; at < bytes.length; at++) {
      const index = (low ^ bytes[at]!) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ TABLE_LOW[index]!;
      high = (high >>> 8) ^ TABLE_HIGH[index]!;
    }
    this.#high = high;
    this.#low = low;
  }

  /** 8 bytes, little-endian. */
  digest(): Uint8Array {
    const digest = Buffer.alloc(8);
    digest.writeUInt32LE(~this.#low >>> 0, 0);
    digest.writeUInt32LE(~this.#high >>> 0, 4);
    return digest;
  }
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    bytes[at]! |
    (bytes[at + 1]! << 8) |
    (bytes[at + 2]! << 16) |
    (bytes[at + 3]! << 24)
  );
}
