import { describe, expect, it } from '@jest/globals';
import { LogOutput } from '../src/log-output.ts';
import type { WriteNow } from '../src/log-output.ts';

const MIB = 1024 * 1024;

/** A pipe with so many bytes of room, which a test empties. */
class SmallPipe {
  room = 0;
  text = '';
  readonly write: WriteNow = (bytes) => {
    if (this.room === 0)
      throw Object.assign(new Error('no room'), { code: 'EAGAIN' });
    const taken = bytes.subarray(0, this.room);
    this.room -= taken.length;
    this.text += Buffer.from(taken).toString();
    return taken.length;
  };
}

describe('the output of a log', () => {
  it('is written at once where there is room', () => {
    const pipe = new SmallPipe();
    pipe.room = 100;
    const output = new LogOutput(pipe.write);
    output.write('one\n');
    output.write('two\n');
    expect(pipe.text).toBe('one\ntwo\n');
  });

  it('waits for a slow reader, and comes whole and in order', async () => {
    const pipe = new SmallPipe();
    pipe.room = 6;
    const output = new LogOutput(pipe.write);
    for (const line of ['one\n', 'two\n', 'three\n']) output.write(line);
    expect(pipe.text).toBe('one\ntw');
    pipe.room = 3;
    while (pipe.room > 0) await new Promise((resolve) => setTimeout(resolve));
    expect(pipe.text).toBe('one\ntwo\nt');
    pipe.room = 100;
    output.end();
    expect(pipe.text).toBe('one\ntwo\nthree\n');
  });

  it('leaves lines out where too much waits, and tells how many', () => {
    const pipe = new SmallPipe();
    const output = new LogOutput(pipe.write);
    const told: number[] = [];
    output.onLost = (count) => told.push(count);
    const line = `${'x'.repeat(MIB - 1)}\n`;
    for (let i = 0; i < 7; i++) output.write(line);
    pipe.room = 10 * MIB;
    output.end();
    expect(pipe.text.length).toBe(4 * MIB);
    expect(told).toStrictEqual([3]);
    output.write('again\n');
    expect(pipe.text).toMatch(/again\n$/);
    expect(told).toStrictEqual([3]);
  });

  it('is given up where nobody reads any more', () => {
    const output = new LogOutput(() => {
      throw Object.assign(new Error('gone'), { code: 'EPIPE' });
    });
    output.write('one\n');
    output.end();
    expect(() => output.write('two\n')).not.toThrow();
  });
});
