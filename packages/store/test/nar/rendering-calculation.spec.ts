import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { MemoryBlobService, MemoryDirectoryService } from '@tvix/castore';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import { storeEndlessTree } from '../fixtures.ts';

describe('the calculation of a NAR', () => {
  const blobs = new MemoryBlobService();
  const directories = new MemoryDirectoryService();
  const calculation = new RenderingNarCalculation({ blobs, directories });

  it('lets others have their turn, who may end it', async () => {
    // 131,071 directories, which end by themselves where nobody has a turn.
    const node = await storeEndlessTree(directories, 16);
    const stop = new AbortController();
    const { signal } = stop;
    let hasEnded = false;
    const calculated = calculation
      .calculateNar(node, { signal })
      .finally(() => (hasEnded = true));
    calculated.catch(() => {});
    await turn();
    expect(hasEnded).toBe(false);
    stop.abort();
    await expect(calculated).rejects.toBe(signal.reason);
  });
});
