import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { formatBytes } from '../src/format-bytes.ts';
import { Progress } from '../src/progress.ts';

let now: number;
let written: string[];
const realNow = performance.now.bind(performance);
beforeEach(() => {
  now = 0;
  written = [];
  performance.now = () => now;
});
afterEach(() => {
  performance.now = realNow;
});

function progress(isTerminal: boolean): Progress {
  return new Progress({ isTerminal, write: (text) => void written.push(text) });
}

describe('the progress line', () => {
  it('shows for work that takes over a second', () => {
    const shown = progress(true);
    now = 999;
    shown.report('a', { files: 1, bytes: 10 });
    expect(written).toEqual([]);
    now = 2000;
    shown.report('a', { files: 2, bytes: 2048 });
    expect(written.join('')).toContain('2 files, 2.00 KiB, 1.00 KiB/s');
  });

  it('sums the parts of the work', () => {
    const shown = progress(true);
    shown.report('a', { files: 1, bytes: 10 });
    now = 1000;
    shown.report('b', { files: 2, bytes: 20 });
    expect(written.join('')).toContain('3 files, 30 B');
  });

  it('is not written more than ten times a second', () => {
    const shown = progress(true);
    for (now = 1000; now < 2000; now += 10)
      shown.report('a', { files: 0, bytes: now });
    expect(written).toHaveLength(10);
  });

  it('goes away when something else is to be written', () => {
    const shown = progress(true);
    now = 1000;
    shown.report('a', { files: 1, bytes: 1 });
    shown.clear();
    shown.clear();
    expect(written).toHaveLength(2);
    expect(written[1]).toBe('\r\x1b[2K');
  });

  it('fails no work where the terminal is gone', () => {
    const shown = new Progress({
      isTerminal: true,
      write: () => {
        throw new Error('EIO');
      },
    });
    now = 1000;
    expect(() => {
      shown.report('a', { files: 1, bytes: 1 });
      shown.clear();
    }).not.toThrow();
  });

  it('is never written to what is no terminal', () => {
    const shown = progress(false);
    now = 5000;
    shown.report('a', { files: 1, bytes: 1 });
    shown.clear();
    expect(written).toEqual([]);
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1024, '1.00 KiB'],
    [15 * 1024, '15.0 KiB'],
    [150 * 1024, '150 KiB'],
    [1000 * 1024, '0.98 MiB'],
    [3 * 1024 ** 3, '3.00 GiB'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
