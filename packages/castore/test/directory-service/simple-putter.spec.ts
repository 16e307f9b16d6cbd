import { describe, expect, it } from '@jest/globals';
import { SimplePutter } from '../../src/directory-service/simple-putter.ts';
import { Directory } from '../../src/node/directory.ts';

describe('SimplePutter', () => {
  it('does not close well after a put that failed', async () => {
    const failure = new Error('full');
    let isFull = false;
    const putter = new SimplePutter({
      put: async ({ digest }) => {
        if (isFull) throw failure;
        return digest;
      },
    });
    await putter.put(Directory.EMPTY);
    isFull = true;
    await expect(putter.put(Directory.EMPTY)).rejects.toBe(failure);
    expect(putter.isClosed).toBe(true);
    await expect(putter.close()).rejects.toMatchObject({
      code: 'castore/closed',
    });
  });
});
