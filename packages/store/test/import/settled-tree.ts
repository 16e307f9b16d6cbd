import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  jest,
} from '@jest/globals';

/** A tree on disk that was written a while ago: only of such a tree is anything remembered. */
export interface SettledTree {
  /** Where the tree and whatever else a test makes lies. */
  readonly folder: string;
  readonly path: string;
  /** Lets time pass; a minute less than none, and the tree was written at this moment. */
  pass(milliseconds: number): void;
}

/** Gives each test of a suite a tree of these files by their paths, and a clock. */
export function useSettledTree(
  files: Readonly<Record<string, string>>,
): SettledTree {
  let suite = '';
  let folder = '';
  let now = 0;
  beforeAll(() => {
    suite = realpathSync(mkdtempSync(join(tmpdir(), 'settled-tree-')));
  });
  beforeEach(() => {
    folder = mkdtempSync(join(suite, 'test-'));
    for (const [name, contents] of Object.entries(files)) {
      const path = join(folder, 'tree', name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, contents);
    }
    now = Date.now() + 60_000;
    jest.spyOn(Date, 'now').mockImplementation(() => now);
  });
  afterEach(() => void jest.restoreAllMocks());
  // At the end: a test may close what it has open there after this.
  afterAll(() => rmSync(suite, { recursive: true, force: true }));
  return {
    get folder() {
      return folder;
    },
    get path() {
      return join(folder, 'tree');
    },
    pass(milliseconds) {
      now += milliseconds;
    },
  };
}
