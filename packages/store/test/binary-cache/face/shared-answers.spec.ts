import {
  afterEach,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { SharedAnswers } from '../../../src/binary-cache/face/shared-answers.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Counts how often it is asked; each answer takes as long as it is told. */
function slow(ms: number): { made: number; make: () => Promise<number> } {
  const asked = {
    made: 0,
    make: async () => {
      const made = ++asked.made;
      await new Promise((resolve) => setTimeout(resolve, ms));
      return made;
    },
  };
  return asked;
}

describe('a shared answer', () => {
  it('is made once for all who ask while it is made, and for twenty times as long after', async () => {
    const answers = new SharedAnswers<number>(1);
    const asked = slow(100);
    const both = [answers.to('q', asked.make), answers.to('q', asked.make)];
    await jest.advanceTimersByTimeAsync(100);
    expect(await Promise.all(both)).toStrictEqual([1, 1]);
    await jest.advanceTimersByTimeAsync(1999);
    expect(await answers.to('q', asked.make)).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    const later = answers.to('q', asked.make);
    await jest.advanceTimersByTimeAsync(100);
    expect(await later).toBe(2);
  });

  it('is kept for a minute at most', async () => {
    const answers = new SharedAnswers<number>(1);
    const asked = slow(100_000);
    const first = answers.to('q', asked.make);
    await jest.advanceTimersByTimeAsync(100_000);
    expect(await first).toBe(1);
    await jest.advanceTimersByTimeAsync(60_000);
    void answers.to('q', asked.make);
    expect(asked.made).toBe(2);
  });

  it('gives way to later ones', async () => {
    const answers = new SharedAnswers<number>(2);
    const asked = slow(100);
    for (const question of ['a', 'b', 'c'])
      void answers.to(question, asked.make);
    await jest.advanceTimersByTimeAsync(100);
    expect(await answers.to('b', asked.make)).toBe(2);
    expect(await answers.to('c', asked.make)).toBe(3);
    void answers.to('a', asked.make);
    expect(asked.made).toBe(4);
  });

  it('that failed is told to those who wait, and made again', async () => {
    const answers = new SharedAnswers<number>(1);
    const fail = (): Promise<number> => Promise.reject(new Error('gone'));
    const both = [answers.to('q', fail), answers.to('q', fail)];
    for (const each of both) await expect(each).rejects.toThrow('gone');
    const asked = slow(0);
    const again = answers.to('q', asked.make);
    await jest.advanceTimersByTimeAsync(0);
    expect(await again).toBe(1);
  });
});
