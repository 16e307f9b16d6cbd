import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importPath } from '@tvix/store';
import { call } from './captured-command.ts';
import type { Ended } from './captured-command.ts';
import { deletePaths } from '../../src/commands/delete.ts';
import { gc } from '../../src/commands/gc.ts';
import { list } from '../../src/commands/list.ts';
import { pinAdd, pinList, pinRemove } from '../../src/commands/pin.ts';
import { stats } from '../../src/commands/stats.ts';
import { verify } from '../../src/commands/verify.ts';
import type { Daemon } from '../../src/daemon/daemon.ts';
import { localAddress } from '../../src/config.ts';
import { openStore } from '../../src/services.ts';
import type { OpenStore } from '../../src/services.ts';
import { startDaemon } from '../daemon/in-process-daemon.ts';

const TEXT = 'the same line again and again\n'.repeat(1000);

let folder: string;
let local: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-care-'));
  local = localAddress(join(folder, 'store'));
});
afterEach(() => {
  process.removeAllListeners('SIGINT');
  process.removeAllListeners('SIGTERM');
  rmSync(folder, { recursive: true });
});

/** Imports a directory with one file. */
async function importDirectory(
  store: OpenStore,
  name: string,
  contents: string,
): Promise<string> {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, 'file'), contents);
  return (await importPath(path, store)).storePath.toAbsolutePath();
}

function expectCode({ error }: Ended, code: string): void {
  expect(error).toMatchObject({ code });
}

describe('the care of a store that is not there', () => {
  it('is refused, and makes none', async () => {
    for (const ended of [
      await call(gc, { store: local }),
      await call(verify, { store: local, options: { repair: true } }),
    ])
      expectCode(ended, 'castore/store-format');
    expect(readdirSync(folder)).toEqual([]);
  });
});

/** Flips a bit where some bytes stand in a pack. */
function damage(contents: string): void {
  const packs = join(folder, 'store/packs');
  for (const name of readdirSync(packs, { recursive: true })) {
    if (!String(name).endsWith('.pack')) continue;
    const bytes = readFileSync(join(packs, String(name)));
    const at = bytes.indexOf(contents);
    if (at < 0) continue;
    bytes[at]! ^= 1;
    writeFileSync(join(packs, String(name)), bytes);
  }
}

describe.each(['on this disk', 'behind a daemon'] as const)(
  'the care of a store %s',
  (where) => {
    let store: string;
    let served: OpenStore | undefined;
    let daemon: Daemon | undefined;
    let paths: string[];

    beforeEach(async () => {
      const opened = await openStore({
        blobs: local,
        directories: local,
        pathInfos: local,
      });
      paths = [
        await importDirectory(opened, 'a', TEXT),
        await importDirectory(opened, 'b', 'some contents'),
      ];
      if (where === 'on this disk') {
        await opened.close();
        store = local;
        return;
      }
      served = opened;
      const socket = join(folder, 'socket');
      ({ daemon } = await startDaemon([socket], {
        services: served,
        admin: { care: served.care!, reach: 'unix' },
      }));
      store = `grpc+unix://${socket}`;
    });
    afterEach(async () => {
      await daemon?.stop();
      await served?.close();
      daemon = undefined;
      served = undefined;
    });

    it('counts what it holds, for people and for programs', async () => {
      const { lines, error } = await call(stats, { store });
      expect(error).toBeUndefined();
      const rows = new Map(
        lines.map((line) => [line.slice(0, 16).trim(), line.slice(17)]),
      );
      expect(rows.get('store paths')).toBe('2');
      expect(rows.get('files')).toBe('29.3 KiB');
      expect(rows.get('chunks')).toMatch(/^2, 29.3 KiB stored in /);
      expect(rows.get('last scrub')).toBe('never');
      expect(rows.get('quarantine')).toBe('0, 0 B');
      const json = await call(stats, { store, json: true });
      expect(JSON.parse(json.lines[0]!)).toMatchObject({
        pathInfos: 2,
        logicalBytes: TEXT.length + 13,
        packs: { count: 1, damaged: 0 },
      });
    });

    it('tells what a collection would remove, and removes it', async () => {
      const dryRun = await call(gc, { store, options: { dryRun: true } });
      expect(dryRun.lines[0]).toBe('0 store paths would be forgotten');
      const options = { maxSize: '0' };
      const { lines, error } = await call(gc, { store, options });
      expect(error).toBeUndefined();
      expect(lines[0]).toBe('2 store paths forgotten');
      expect(lines[1]).toMatch(/^0 objects removed \(0 B\), 4 kept/);
      expect((await call(list, { store })).lines).toEqual([]);
      const json = await call(gc, { store, json: true });
      expect(JSON.parse(json.lines[0]!)).toMatchObject({
        dryRun: false,
        kept: { objects: 4 },
        paths: 0,
      });
    });

    it('takes no grace below an hour', async () => {
      const options = { grace: '59m' };
      expectCode(await call(gc, { store, options }), 'cli/usage');
    });

    it('finds nothing in a sound store', async () => {
      const { lines, error } = await call(verify, { store });
      expect(error).toBeUndefined();
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(
        /^looked at \d+ records \(.+\) and 2 store paths/,
      );
    });

    it('names damage, and what a repair could not bring back', async () => {
      damage('some contents');
      const found = await call(verify, { store });
      expectCode(found, 'cli/store-damaged');
      expect(found.lines[0]).toMatch(/^wrong chunk b3:/);
      expect(found.lines[1]).toMatch(`unreadable path-info ${paths[1]}: `);
      const options = { repair: true };
      const repaired = await call(verify, { store, options });
      expectCode(repaired, 'cli/store-damaged');
      expect(repaired.lines).toContainEqual(
        expect.stringMatching(/^lost chunk b3:/),
      );
      expect(repaired.lines.at(-1)).toBe(
        '1 packs were moved to the quarantine',
      );
      const after = await call(stats, { store, json: true });
      expect(JSON.parse(after.lines[0]!)).toMatchObject({
        quarantine: { files: 1 },
        scrub: { finished: { damages: 1 } },
      });
    });

    it('pins, lists pins, and removes them', async () => {
      const [path = ''] = paths;
      const added = await call(pinAdd, { store, operands: ['release', path] });
      expect(added.error).toBeUndefined();
      expect((await call(pinList, { store })).lines).toEqual([
        `release ${path}`,
      ]);
      const json = await call(pinList, { store, json: true });
      expect(json.lines).toEqual([
        JSON.stringify({ name: 'release', target: path }),
      ]);
      await call(gc, { store, options: { maxSize: '0' } });
      expect((await call(list, { store })).lines).toEqual([path]);
      const removed = await call(pinRemove, { store, operands: ['release'] });
      expect(removed.error).toBeUndefined();
      expectCode(
        await call(pinRemove, { store, operands: ['release'] }),
        'cli/not-found',
      );
    });

    it('pins nothing that is not there', async () => {
      const gone = '/nix/store/00000000000000000000000000000000-gone';
      expectCode(
        await call(pinAdd, { store, operands: ['x', gone] }),
        'store/nothing-to-pin',
      );
      expectCode(
        await call(pinAdd, { store, operands: ['x', 'nonsense'] }),
        'store/invalid-pin',
      );
    });

    it('deletes paths, and says which were not there', async () => {
      const [a = '', b = ''] = paths;
      await call(pinAdd, { store, operands: ['keep', b] });
      expectCode(
        await call(deletePaths, { store, operands: [a, b] }),
        'store/path-in-use',
      );
      expect((await call(list, { store })).lines).toHaveLength(2);
      const deleted = await call(deletePaths, { store, operands: [a] });
      expect(deleted).toEqual({ lines: [a], error: undefined });
      const again = await call(deletePaths, { store, operands: [a] });
      expect(again.lines).toEqual([]);
      expectCode(again, 'cli/not-found');
      expectCode(
        await call(deletePaths, { store, operands: [`${a}/file`] }),
        'cli/usage',
      );
      expect((await call(list, { store })).lines).toEqual([b]);
    });
  },
);

describe('a command that cares for a store', () => {
  it('is interrupted by a signal, and says that the next run goes on', async () => {
    const opened = await openStore({
      blobs: local,
      directories: local,
      pathInfos: local,
    });
    await importDirectory(opened, 'a', 'some contents');
    await opened.close();
    damage('some contents');
    const onLine = (): void => void process.emit('SIGTERM');
    const stopped = await call(verify, { store: local, onLine });
    expect(stopped.lines).toHaveLength(1);
    expectCode(stopped, 'cli/interrupted');
    expectCode(await call(verify, { store: local }), 'cli/store-damaged');
  });
});

describe('a store that cannot be cared for', () => {
  it('is told from one that can', async () => {
    const store = 'memory:';
    for (const command of [stats, gc, verify, pinList])
      expectCode(await call(command, { store }), 'cli/usage');
  });
});
