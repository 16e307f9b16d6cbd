import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Mounts, shell } from './support/mounts.ts';
import { describeMounts } from './support/requirements.ts';

const ENTRIES = 1_000_000;
/** How long one pass over all of them may take. */
const PASS_MS = 100_000;
jest.setTimeout(3 * PASS_MS);

describeMounts(
  'a mounted directory of a million files',
  ['fuse', 'root'],
  () => {
    const mounts = new Mounts();
    let huge: string;

    beforeAll(async () => {
      const { mountPoint } = await mounts.mount({
        services: {
          module: new URL('./support/million-services.mjs', import.meta.url),
          options: { entries: ENTRIES },
        },
      });
      huge = join(mountPoint, 'huge');
    });

    afterAll(() => mounts.clear(), 60_000);

    it('is listed whole, by name and with what each of them is', async () => {
      expect(await shell(`ls -f ${huge} | wc -l`, PASS_MS)).toBe(
        `${ENTRIES + 2}\n`,
      );
      const last = ENTRIES - 1;
      expect(
        await shell(`find ${huge} -size ${last}c -printf '%f %s\\n'`, PASS_MS),
      ).toBe(`0${last} ${last}\n`);
    });

    it('is found again after the kernel has forgotten all of it at once', async () => {
      const middle = join(huge, '0765432');
      const { ino } = await stat(middle);
      // The dentries and inodes of all: a million nodeids in BATCH_FORGETs, while clients go on asking.
      const forgetting = shell('echo 2 > /proc/sys/vm/drop_caches', PASS_MS);
      for (let i = 0; i < ENTRIES; i += 10_007)
        expect((await stat(join(huge, `${i}`.padStart(7, '0')))).size).toBe(i);
      await forgetting;
      expect(await stat(middle)).toMatchObject({ ino, size: 765_432 });
      await expect(stat(join(huge, '1000000'))).rejects.toMatchObject({
        code: 'ENOENT',
      });
    });
  },
);
