import { describe, expect, it } from '@jest/globals';
import { payloadBuffer } from '../../../src/local-store/packs/payload-buffer.ts';

describe('buffers for payloads', () => {
  it('have just the length that was asked for, and no byte in common', () => {
    const lengths = Array.from({ length: 300 }, (_, i) => (i * 977) % 9000);
    const buffers = lengths.map((length, i) => payloadBuffer(length).fill(i));
    for (const [i, buffer] of buffers.entries()) {
      expect(buffer.length).toBe(lengths[i]);
      expect(buffer.every((byte) => byte === i % 256)).toBe(true);
    }
  });
});
