import { describe, expect, it } from '@jest/globals';
import { forEachBounded } from '../src/for-each-bounded.ts';

const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(resolve));

describe('forEachBounded', () => {
  it('calls for every item, never more than the limit at a time', async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    await forEachBounded([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      most = Math.max(most, ++running);
      await turn();
      running--;
      done.push(item);
    });
    expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });

  it('starts nothing more after a failure, and waits for what is under way', async () => {
    const started: number[] = [];
    let finished = 0;
    await expect(
      forEachBounded([1, 2, 3, 4], 2, async (item) => {
        started.push(item);
        await turn();
        if (item === 1) throw new Error('one');
        await turn();
        finished++;
      }),
    ).rejects.toThrow('one');
    expect(started).toEqual([1, 2]);
    expect(finished).toBe(1);
  });

  it('does nothing for no items', async () => {
    await forEachBounded([], 2, () => Promise.reject(new Error('called')));
  });
});
