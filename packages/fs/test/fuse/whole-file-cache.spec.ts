import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const COPY = fileURLToPath(
  new URL('../mount/support/copy-on-short-disk.mjs', import.meta.url),
);

/** What becomes of the copy where a file may have so many blocks of 512 bytes. */
async function copyWithin(blocks: number): Promise<string> {
  const script = `ulimit -f ${blocks} && exec "$0" "$1"`;
  const { stdout } = await promisify(execFile)('sh', [
    ...['-c', script, process.execPath, COPY],
  ]);
  return stdout.trim();
}

describe('the copy of a blob for the kernel', () => {
  it('is made where there is room', async () => {
    expect(await copyWithin(4)).toBe('copied');
  });

  it('is none where the disk takes only a part of it', async () => {
    expect(await copyWithin(3)).toBe('EFBIG');
  });
});
