import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  MemoryBlobService,
  MemoryDirectoryService,
  openLocalStore,
} from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import { importPath } from '../../src/import/import-path.ts';
import { collectStore } from '../../src/local-care/collect.ts';
import { isTreeStored } from '../../src/nar/is-tree-stored.ts';
import type { PathInfo } from '../../src/path-info/path-info.ts';
import { MemoryPathInfoService } from '../../src/path-info-service/memory.ts';
import { BundledProgram } from '../../../castore/test/support/bundled-program.ts';
import { localServices, RememberingImport } from './remembering-import.ts';
import { useSettledTree } from './settled-tree.ts';

const HOUR_MS = 60 * 60 * 1000;

/** Where the import ends, in the order in which it comes there; and whether the next one finds a record. */
const POINTS = [
  ['without a receipt', false],
  ['without a record', false],
  ['with a record beside', false],
  ['without a path info', true],
] as const;

const settled = useSettledTree({ a: 'first', 'below/b': 'second' });
let program: BundledProgram;

beforeAll(() => {
  program = new BundledProgram(new URL('killed-import.ts', import.meta.url));
});
afterAll(() => program[Symbol.dispose]());

const cache = (): string => join(settled.folder, 'cache');
const storeFolder = (): string => join(settled.folder, 'store');

function killImport(point: string): void {
  const { signal, stderr } = spawnSync(
    process.execPath,
    [
      program.file,
      ...[point, settled.path, storeFolder(), cache(), String(Date.now())],
    ],
    { encoding: 'utf8' },
  );
  expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' });
}

function openStore(): Promise<LocalStore> {
  return openLocalStore(storeFolder(), {
    reserveBytes: 0,
    threads: 0,
    now: () => Date.now(),
  });
}

/** The next import, which answers what one does that remembers nothing; whether it looked at all of the tree. */
async function importAgain(localStore: LocalStore): Promise<boolean> {
  const { receipts } = localStore;
  const importing = new RememberingImport(localStore, cache(), { receipts });
  let isLookedAt = false;
  const { trees } = importing;
  const begin = trees.begin.bind(trees);
  trees.begin = (path) => {
    isLookedAt = true;
    return begin(path);
  };
  const pathInfo = await importing.run(settled.path);
  expect(pathInfo.encode()).toEqual((await importAfresh()).encode());
  expect(await isTreeStored(pathInfo.node, importing.store)).toBe(true);
  return isLookedAt;
}

function importAfresh(): Promise<PathInfo> {
  return importPath(settled.path, {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
    pathInfos: new MemoryPathInfoService(),
  });
}

describe.each(POINTS)('an import that is killed %s', (point, leavesRecord) => {
  it('registered nothing, and the next one makes up for it', async () => {
    killImport(point);
    await using localStore = await openStore();
    const { pathInfos } = localServices(localStore);
    for await (const pathInfo of pathInfos.list())
      throw new Error(`${pathInfo.storePath.name} is registered`);
    expect(await importAgain(localStore)).toBe(!leavesRecord);
    expect(await importAgain(localStore)).toBe(false);
  });

  it('leaves nothing to believe where what it stored was collected since', async () => {
    killImport(point);
    await using localStore = await openStore();
    settled.pass(48 * HOUR_MS);
    const { pathInfos } = localServices(localStore);
    await collectStore({ localStore, pathInfos }, { graceMs: HOUR_MS });
    expect(await importAgain(localStore)).toBe(true);
    expect(await importAgain(localStore)).toBe(false);
  });

  it('leaves no record that fits what the tree was before', async () => {
    {
      await using localStore = await openStore();
      await importAgain(localStore);
      expect(await importAgain(localStore)).toBe(false);
    }
    appendFileSync(join(settled.path, 'below', 'b'), 'more');
    settled.pass(60_000);
    killImport(point);
    await using localStore = await openStore();
    expect(await importAgain(localStore)).toBe(!leavesRecord);
    expect(await importAgain(localStore)).toBe(false);
  });
});
