import { afterAll, expect, it } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { peakMiB } from '../support/daemon.ts';
import { describeWith } from '../support/machine.ts';
import { Mount, MountPoints } from '../support/mount.ts';
import { line, runProgram, tvixStore } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededBytes } from '../support/trees.ts';

const TEST_MS = 150_000;
const MIB = 2 ** 20;
/** Half of it doesn't compress. */
const FILES = 16;
const FILE_MIB = 32;
const PEAK_MIB = 300;
const READ_BYTES = 64 * 1024;
const READERS = 16;
const READS = 100;

const scratch = scratchFolder();
const points = new MountPoints();
const tree = join(scratch.path, 'tree');

afterAll(async () => {
  await points.remove();
  scratch.remove();
}, TEST_MS);

/** Reads here and there in both files; how often they differ. */
async function compare(
  one: FileHandle,
  two: FileHandle,
  seed: number,
): Promise<number> {
  const places = seededBytes(seed, READS * 4);
  const [a, b] = [Buffer.alloc(READ_BYTES), Buffer.alloc(READ_BYTES)];
  let different = 0;
  for (let i = 0; i < READS; i++) {
    const at = places.readUInt32LE(i * 4) % (FILE_MIB * MIB);
    const [mine, theirs] = await Promise.all([
      one.read(a, 0, READ_BYTES, at),
      two.read(b, 0, READ_BYTES, at),
    ]);
    if (mine.bytesRead !== theirs.bytesRead || !a.equals(b)) different++;
  }
  return different;
}

describeWith(['root', '/dev/fuse'], 'the server of a mount', () => {
  it(
    'takes no more memory for half a GiB that is read in every order',
    async () => {
      mkdirSync(tree);
      for (let i = 0; i < FILES; i++) {
        const bytes =
          i % 2 === 0
            ? seededBytes(i + 1, FILE_MIB * MIB)
            : seededBytes(i + 1, (FILE_MIB * MIB) / 2).toString('hex');
        writeFileSync(join(tree, `${i}`), bytes);
      }
      const store = `local:${join(scratch.path, 'store')}`;
      const digest = await line(
        tvixStore(['castore', 'put', '--store', store, tree]),
      );
      await using mount = await Mount.start(points.create(), [
        ...['--store', store, '--castore', digest],
      ]);

      const readers = Array.from({ length: READERS }, async (_, i) => {
        const name = `${i % FILES}`;
        await using one = await open(join(tree, name));
        await using two = await open(join(mount.point, name));
        return await compare(one, two, i + 1);
      });
      expect(await Promise.all(readers)).toEqual(readers.map(() => 0));
      expect(await line(runProgram('diff', ['-r', tree, mount.point]))).toBe(
        '',
      );
      expect(await peakMiB(mount.child.pid!)).toBeLessThan(PEAK_MIB);
      expect(await mount.stop()).toBe(0);
    },
    TEST_MS,
  );
});
