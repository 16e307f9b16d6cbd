import { describe, expect, it } from '@jest/globals';
import { mapConcurrently } from '../../src/grpc/map-concurrently.ts';
import { OutgoingStream } from '../../src/grpc/outgoing-stream.ts';

const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(resolve));

async function take<T>(stream: OutgoingStream<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

describe('OutgoingStream', () => {
  it('hands on what is pushed before and after reading starts', async () => {
    const stream = new OutgoingStream<number>(2);
    await stream.push(1);
    const taken = take(stream);
    for (const item of [2, 3, 4]) await stream.push(item);
    stream.end();
    expect(await taken).toEqual([1, 2, 3, 4]);
  });

  it('makes whoever pushes wait while nobody takes', async () => {
    const stream = new OutgoingStream<number>(2);
    await stream.push(1);
    let isWelcome = false;
    const second = stream.push(2).then(() => {
      isWelcome = true;
    });
    await turn();
    expect(isWelcome).toBe(false);
    const reader = stream[Symbol.asyncIterator]();
    await reader.next();
    await second;
  });

  it.each(['abandon', 'return'] as const)(
    'lets go of whoever waits after %s',
    async (how) => {
      const stream = new OutgoingStream<number>(1);
      const waiting = stream.push(1);
      if (how === 'abandon') stream.abandon();
      else {
        const reader = stream[Symbol.asyncIterator]();
        await reader.next();
        await reader.return();
      }
      await waiting;
      expect(stream.isAbandoned).toBe(true);
      await stream.push(2);
      expect(await take(stream)).toEqual([]);
    },
  );

  it('ends with one item instead of what waits', async () => {
    const stream = new OutgoingStream<number>(1);
    const waiting = stream.push(1);
    stream.endWith(9);
    await waiting;
    expect(await take(stream)).toEqual([9]);
  });
});

describe('mapConcurrently', () => {
  it('answers in order and has no more than the limit under way', async () => {
    let underWay = 0;
    let most = 0;
    const results = await mapConcurrently([5, 1, 4, 2, 3], 2, async (item) => {
      most = Math.max(most, ++underWay);
      for (let turns = 0; turns < item; turns++) await turn();
      underWay--;
      return item * 10;
    });
    expect(results).toEqual([50, 10, 40, 20, 30]);
    expect(most).toBe(2);
  });

  it('starts nothing more after a failure, and waits for what is under way', async () => {
    const started: number[] = [];
    let finished = 0;
    const mapping = mapConcurrently([0, 1, 2, 3, 4], 2, async (item) => {
      started.push(item);
      if (item === 0) throw new RangeError('first');
      await turn();
      finished++;
    });
    await expect(mapping).rejects.toThrow('first');
    expect(started).toEqual([0, 1]);
    expect(finished).toBe(1);
  });

  it('makes nothing of nothing', async () => {
    expect(await mapConcurrently([], 3, async () => 1)).toEqual([]);
  });
});
