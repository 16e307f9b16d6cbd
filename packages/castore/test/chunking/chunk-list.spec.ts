import { describe, expect, it } from '@jest/globals';
import {
  decodeChunkList,
  encodeChunkList,
} from '../../src/chunking/chunk-list.ts';
import { hashBytes } from '../../src/digest/hasher.ts';

const blob = hashBytes(Buffer.from('blob'));
const list = {
  size: 0x1_0000_0005,
  chunks: [
    { digest: hashBytes(Buffer.from('a')), size: 0xffff_ffff },
    { digest: hashBytes(Buffer.from('b')), size: 6 },
  ],
};

describe('a chunk list', () => {
  it('has the documented bytes', () => {
    const body = Buffer.concat([
      Buffer.from('01000000' + '02000000' + '0500000001000000', 'hex'),
      list.chunks[0]!.digest.bytes,
      Buffer.from('ffffffff', 'hex'),
      list.chunks[1]!.digest.bytes,
      Buffer.from('06000000', 'hex'),
    ]);
    const seal = hashBytes(Buffer.concat([blob.bytes, body])).bytes;
    const encoded = encodeChunkList(blob, list);
    expect(Buffer.compare(encoded, Buffer.concat([body, seal]))).toBe(0);
  });

  it('is read as it was written', () => {
    const decoded = decodeChunkList(blob, encodeChunkList(blob, list))!;
    expect(decoded.size).toBe(list.size);
    expect(
      decoded.chunks.map(({ digest, size }) => [digest.toHex(), size]),
    ).toEqual(list.chunks.map(({ digest, size }) => [digest.toHex(), size]));
  });

  it('is refused with any bit flipped, cut off, or for another blob', () => {
    const encoded = encodeChunkList(blob, list);
    for (let bit = 0; bit < encoded.length * 8; bit += 7) {
      const damaged = encoded.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeChunkList(blob, damaged)).toBeUndefined();
    }
    for (let length = 0; length < encoded.length; length += 1)
      expect(
        decodeChunkList(blob, encoded.subarray(0, length)),
      ).toBeUndefined();
    const other = hashBytes(Buffer.from('other'));
    expect(decodeChunkList(other, encoded)).toBeUndefined();
  });

  it('is refused in a version or with sections that are not known, with a message that says so', () => {
    for (const at of [0, 1]) {
      const body = encodeChunkList(blob, list).slice(0, -32);
      body[at]! += 1;
      const seal = hashBytes(Buffer.concat([blob.bytes, body])).bytes;
      expect(() => decodeChunkList(blob, Buffer.concat([body, seal]))).toThrow(
        expect.objectContaining({ code: 'castore/store-format' }),
      );
    }
  });
});
