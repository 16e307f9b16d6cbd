import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  afterEach,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { importPaths } from '../../src/commands/import.ts';
import { call } from './captured-command.ts';
import type { Ended } from './captured-command.ts';

let folder: string;
const cache = (kind: string): string =>
  join(folder, 'cache', 'tvix-store', kind);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tvix-import-'));
  mkdirSync(join(folder, 'tree', 'below'), { recursive: true });
  writeFileSync(join(folder, 'tree', 'below', 'file'), 'contents');
  later(60_000);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** What was written just now counts as settled after a while. */
function later(milliseconds: number): void {
  const now = Date.now() + milliseconds;
  jest.restoreAllMocks();
  jest.spyOn(Date, 'now').mockReturnValue(now);
}

function importTree(options = {}): Promise<Ended> {
  return call(importPaths, {
    store: `local:${join(folder, 'store')}`,
    operands: [join(folder, 'tree')],
    options,
    env: { XDG_CACHE_HOME: join(folder, 'cache') },
  });
}

/** The only file of what is remembered of trees: a folder for each store, a file for each tree. */
function treeFile(): string {
  const [store] = readdirSync(cache('trees'));
  const [tree] = readdirSync(join(cache('trees'), store!));
  return join(cache('trees'), store!, tree!);
}

describe('tvix-store import', () => {
  it('prints the same path for a tree that has not changed, and writes nothing down again', async () => {
    const first = await importTree();
    expect(first.error).toBeUndefined();
    expect(first.lines[0]).toMatch(/^\/nix\/store\/[0-9a-z]{32}-tree$/);
    const written = statSync(treeFile());
    const [files] = readdirSync(cache('files'));
    rmSync(join(cache('files'), files!));
    expect(await importTree()).toEqual(first);
    expect(statSync(treeFile()).ino).toBe(written.ino);
    expect(readdirSync(cache('files'))).toEqual([]);
  });

  it('prints another path for one that has', async () => {
    const first = await importTree();
    writeFileSync(join(folder, 'tree', 'below', 'file'), 'CONTENTS');
    later(60_000);
    const second = await importTree();
    expect(second.error).toBeUndefined();
    expect(second.lines).not.toEqual(first.lines);
    expect(await importTree()).toEqual(second);
  });

  it('remembers nothing where it is told to', async () => {
    const { lines } = await importTree({ fileCache: false });
    expect(lines).toHaveLength(1);
    expect(existsSync(join(folder, 'cache'))).toBe(false);
  });
});
