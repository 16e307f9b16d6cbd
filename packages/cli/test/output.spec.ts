import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescriptorOutput, dropBytes } from '../src/output.ts';

let folder: string;
let open: number[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tvix-output-'));
  open = [];
});
afterEach(() => {
  for (const fd of open) closeSync(fd);
  rmSync(folder, { recursive: true });
});

function opened(path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  open.push(fd);
  return fd;
}

/** A pipe whose reader has gone. */
function brokenPipe(): number {
  const path = join(folder, 'pipe');
  spawnSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = opened(path, 'w');
  closeSync(reader);
  return writer;
}

/** A pipe that refuses to wait, and what a reader of its own process gets out of it. */
async function impatientPipe(): Promise<{
  fd: number;
  received: () => Promise<Buffer>;
}> {
  const path = join(folder, 'pipe');
  const copy = join(folder, 'copy');
  spawnSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = opened(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const child = spawn('sh', ['-c', 'cat <"$1" >"$2"', 'sh', path, copy]);
  const closed = once(child, 'close');
  await once(child, 'spawn');
  return {
    fd,
    async received() {
      closeSync(open.pop()!);
      await closed;
      closeSync(reader);
      return readFileSync(copy);
    },
  };
}

describe('the output of results', () => {
  it('is lines in their order, text as UTF-8 and bytes as they are', async () => {
    const path = join(folder, 'file');
    const output = new DescriptorOutput(opened(path, 'w'));
    await output.line('grün');
    await output.line(new Uint8Array([0xff, 0x00, 0x41]));
    await output.json({ a: 1 });
    await output.flush();
    expect(readFileSync(path)).toEqual(
      Buffer.concat([
        Buffer.from('grün\n'),
        Buffer.from([0xff, 0x00, 0x41, 0x0a]),
        Buffer.from('{"a":1}\n'),
      ]),
    );
  });

  it('keeps lines and raw bytes in order', async () => {
    const path = join(folder, 'file');
    const output = new DescriptorOutput(opened(path, 'w'));
    await output.line('first');
    await output.write([
      Buffer.from('se'),
      new Uint8Array(),
      Buffer.from('cond'),
    ]);
    await output.line('');
    await output.flush();
    expect(readFileSync(path, 'utf8')).toBe('first\nsecond\n');
  });

  it('appears without a flush once the event loop turns', async () => {
    const path = join(folder, 'file');
    const output = new DescriptorOutput(opened(path, 'w'));
    await output.line('result');
    while (readFileSync(path, 'utf8') === '')
      await new Promise((resolve) => setImmediate(resolve));
    expect(readFileSync(path, 'utf8')).toBe('result\n');
  });

  it('says that it is closed when the reader has gone', async () => {
    const output = new DescriptorOutput(brokenPipe());
    await output.line('result');
    await expect(output.flush()).rejects.toMatchObject({
      code: 'cli/output-closed',
    });
    await expect(output.write([Buffer.from('more')])).rejects.toMatchObject({
      code: 'cli/output-closed',
    });
  });

  it('fails where the descriptor takes no writes', async () => {
    const path = join(folder, 'file');
    closeSync(openSync(path, 'w'));
    const output = new DescriptorOutput(opened(path, 'r'));
    await expect(output.write([Buffer.from('a')])).rejects.toMatchObject({
      code: 'cli/io',
    });
  });

  it('waits for a pipe that is full', async () => {
    const { fd, received } = await impatientPipe();
    const bytes = Buffer.alloc(1024 * 1024, 'abc');
    await new DescriptorOutput(fd).write([bytes, bytes]);
    expect((await received()).equals(Buffer.concat([bytes, bytes]))).toBe(true);
  });
});

describe('dropBytes', () => {
  const chunks = [Buffer.from('ab'), Buffer.alloc(0), Buffer.from('cde')];

  it.each([
    [0, 'abcde'],
    [1, 'bcde'],
    [2, 'cde'],
    [4, 'e'],
    [5, ''],
  ])('leaves what comes after %i bytes', (count, left) => {
    expect(Buffer.concat(dropBytes(chunks, count)).toString()).toBe(left);
  });
});
