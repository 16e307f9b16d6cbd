import { describe, expect, it } from '@jest/globals';
import { hashBytes, MemoryBlobService } from '@tvix/castore';
import type { BlobReader } from '@tvix/castore';
import { copyBlobs } from '../../src/copy/copy-blobs.ts';

const PIECE = new Uint8Array(100_000);

describe('copyBlobs', () => {
  it('does not take more of a blob than it is said to have', async () => {
    let pieces = 0;
    let isClosed = false;
    const close = async (): Promise<void> => {
      isClosed = true;
    };
    const endless: BlobReader = {
      size: undefined,
      async *read() {
        for (; pieces < 1000; pieces++) yield PIECE;
      },
      close,
      [Symbol.asyncDispose]: close,
    };
    const from = { getMany: async () => [], openRead: async () => endless };
    const blob = { digest: hashBytes(PIECE), size: 250_000n };
    const to = new MemoryBlobService();
    await expect(copyBlobs([blob], from, to)).rejects.toMatchObject({
      code: 'castore/wrong-size',
    });
    expect(pieces).toBe(2);
    expect(isClosed).toBe(true);
  });
});
