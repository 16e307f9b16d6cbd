import { describe, expect, it } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { writeText } from '../../src/command-line/write-text.ts';

class Stream extends EventEmitter {
  written = '';

  write(text: string): boolean {
    this.written += text;
    return true;
  }
}

/** Streams of the process, as far as texts are written to them. */
function streamOf(): Stream & NodeJS.WriteStream {
  return new Stream() as unknown as Stream & NodeJS.WriteStream;
}

describe('a text of the command line', () => {
  it('ends quietly where nobody reads on', () => {
    const stream = streamOf();
    writeText(stream, 'help');
    writeText(stream, ' and more');
    expect(stream.written).toBe('help and more');
    expect(stream.listenerCount('error')).toBe(1);
    const gone = Object.assign(new Error('gone'), { code: 'EPIPE' });
    expect(() => stream.emit('error', gone)).not.toThrow();
  });

  it('ends the program with any other failure', () => {
    const stream = streamOf();
    const failures: unknown[] = [];
    writeText(stream, 'help', (failure) => failures.push(failure));
    const full = Object.assign(new Error('full'), { code: 'ENOSPC' });
    stream.emit('error', full);
    expect(failures).toMatchObject([{ code: 'cli/io', cause: full }]);
  });
});
