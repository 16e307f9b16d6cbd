import { describe, expect, it } from '@jest/globals';
import { eventStream } from '../../src/grpc/event-stream.ts';

const NEVER = new AbortController().signal;

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

describe('a stream of events', () => {
  it('has every event in order, awaited or not, and ends with the work', async () => {
    const events = eventStream<number>(async (emit) => {
      void emit(1);
      void emit(2);
      await emit(3);
      await emit(4);
      void emit(5);
    }, NEVER);
    expect(await all(events)).toEqual([1, 2, 3, 4, 5]);
  });

  it('lets work that waits go no faster than it is read', async () => {
    let emitted = 0;
    const events = eventStream<number>(async (emit) => {
      for (; emitted < 100; emitted += 1) await emit(emitted);
    }, NEVER);
    for await (const event of events) expect(emitted).toBe(event);
    expect(emitted).toBe(100);
  });

  it('fails as the work does, after what it told before', async () => {
    const broken = new RangeError('broken');
    const seen: number[] = [];
    const read = async (): Promise<void> => {
      const events = eventStream<number>(async (emit) => {
        void emit(1);
        throw broken;
      }, NEVER);
      for await (const event of events) seen.push(event);
    };
    await expect(read()).rejects.toBe(broken);
    expect(seen).toEqual([1]);
  });

  it('ends the work when it is left', async () => {
    let reason: unknown;
    const events = eventStream<number>(async (emit, signal) => {
      for (let next = 0; !signal.aborted; next += 1) await emit(next);
      reason = signal.reason;
    }, NEVER);
    for await (const event of events) if (event === 3) break;
    expect(reason).toMatchObject({ name: 'AbortError' });
  });

  it('ends the work at the signal, also where nobody takes events any more', async () => {
    const stop = new AbortController();
    let end: () => void = () => {};
    const isOver = new Promise<void>((resolve) => (end = resolve));
    const events = eventStream<number>(async (emit, signal) => {
      for (let next = 0; !signal.aborted; next += 1) await emit(next);
      end();
    }, stop.signal);
    expect(await events.next()).toEqual({ value: 0, done: false });
    stop.abort();
    await isOver;
    await expect(all(events)).resolves.toEqual([]);
  });

  it('hands the signal on', async () => {
    const stop = new AbortController();
    const enough = new RangeError('enough');
    const events = eventStream<number>(async (emit, signal) => {
      await emit(1);
      stop.abort(enough);
      signal.throwIfAborted();
    }, stop.signal);
    await expect(all(events)).rejects.toBe(enough);
  });
});
