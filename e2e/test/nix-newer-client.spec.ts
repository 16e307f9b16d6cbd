import { afterAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { isWhole, pathToUpload, put } from '../support/nar-upload.ts';
import type { UploadedPath } from '../support/nar-upload.ts';
import { scratchFolder } from '../support/scratch.ts';

const MIB = 1024 * 1024;
const MEMORY_MIB = 300;
const TEST_MS = 120_000;

/** Paths that each refer to the one before, from 384 KiB to 192 MiB: 383 MiB together. */
const PATHS = 10;

const scratch = scratchFolder();
afterAll(() => scratch.remove());

/** What each path refers to has to be there before it. */
function makeClosure(): UploadedPath[] {
  const paths: UploadedPath[] = [];
  for (let i = 0; i < PATHS; i++)
    paths.push(
      pathToUpload(
        i + 1,
        ((192 * MIB) >> (PATHS - 1 - i)) + i,
        paths.slice(-1),
      ),
    );
  return paths;
}

describe('a client that uploads NARs side by side, the largest first', () => {
  it(
    'has them all taken in bounded memory, and their narinfos after their references',
    async () => {
      const port = await freePort();
      await using daemon = await Daemon.start([
        ...['--store', `local:${join(scratch.path, 'store')}`],
        ...['-l', '127.0.0.1:0', '--http-listen', `127.0.0.1:${port}`],
      ]);
      const paths = makeClosure();
      const largestFirst = paths.toReversed();
      expect(
        await Promise.all(
          largestFirst.map((path) => put(port, path.narPath, path.nar)),
        ),
      ).toEqual(paths.map(() => 200));

      const putNarInfo = (path: UploadedPath): Promise<number> =>
        put(port, path.narInfoPath, gzipSync(path.narInfo), {
          headers: { 'Content-Encoding': 'gzip' },
        });
      // Before what it refers to, a path doesn't come to be.
      expect(await putNarInfo(paths[1]!)).toBe(400);
      for (const path of paths) expect(await putNarInfo(path)).toBe(200);
      for (const path of paths) expect(await isWhole(port, path)).toBe(true);
      expect(await daemon.peakMiB()).toBeLessThan(MEMORY_MIB);
      expect(await daemon.stop()).toBe(0);
    },
    TEST_MS,
  );
});
