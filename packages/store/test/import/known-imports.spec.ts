import {
  chmodSync,
  mkdirSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryBlobService, MemoryDirectoryService } from '@tvix/castore';
import { FileCache } from '../../src/import/file-cache.ts';
import { importPath } from '../../src/import/import-path.ts';
import { CachedNarCalculation } from '../../src/nar/cached-calculation.ts';
import { MemoryNarCalculationCache } from '../../src/nar/calculation-cache.ts';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import type { PathInfo } from '../../src/path-info/path-info.ts';
import { MemoryPathInfoService } from '../../src/path-info-service/memory.ts';
import { useSettledTree } from './settled-tree.ts';

const settled = useSettledTree({
  a: 'first',
  'below/b': 'second',
  c: 'third',
});
let tree: string;
let blobs: MemoryBlobService;
let stored: number;
let files: FileCache;
let store: ReturnType<typeof createStore>;

/** A store that counts the files that it is given. */
function createStore() {
  blobs = new MemoryBlobService();
  const putMany = blobs.putMany.bind(blobs);
  blobs.putMany = (contents, options) => {
    stored += contents.length;
    return putMany(contents, options);
  };
  return {
    blobs,
    directories: new MemoryDirectoryService(),
    pathInfos: new MemoryPathInfoService(),
  };
}

beforeEach(() => {
  tree = settled.path;
  chmodSync(join(tree, 'below', 'b'), 0o755);
  store = createStore();
  files = FileCache.load(join(settled.folder, 'cache'));
});

function importTree(): Promise<PathInfo> {
  stored = 0;
  const narCalculation = new CachedNarCalculation(
    new RenderingNarCalculation(store),
    new MemoryNarCalculationCache(),
  );
  return importPath(tree, store, { known: { files, narCalculation } });
}

/** What an import makes that knows nothing. */
function importAfresh(): Promise<PathInfo> {
  return importPath(tree, {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
    pathInfos: new MemoryPathInfoService(),
  });
}

describe('an import that knows files', () => {
  it('reads none that did not change, and gives the same path', async () => {
    const first = await importTree();
    expect(stored).toBe(3);
    const second = await importTree();
    expect(stored).toBe(0);
    expect(second.encode()).toEqual(first.encode());
    expect(second.encode()).toEqual((await importAfresh()).encode());
  });

  it('reads what changed alone', async () => {
    await importTree();
    writeFileSync(join(tree, 'a'), 'fir5t');
    writeFileSync(join(tree, 'd'), 'new');
    const second = await importTree();
    expect(stored).toBe(2);
    expect(second.encode()).toEqual((await importAfresh()).encode());
  });

  it('sees a change that hides behind the old size and time', async () => {
    const { atime, mtime } = statSync(join(tree, 'a'));
    await importTree();
    writeFileSync(join(tree, 'a'), 'fir5t');
    utimesSync(join(tree, 'a'), atime, mtime);
    const second = await importTree();
    expect(stored).toBe(1);
    expect(second.encode()).toEqual((await importAfresh()).encode());
  });

  it('does not remember what was written a moment ago', async () => {
    settled.pass(-60_000);
    await importTree();
    expect(files.isEmpty).toBe(true);
    await importTree();
    expect(stored).toBe(3);
  });

  it('reads everything where the store lost some of it', async () => {
    const first = await importTree();
    store = createStore();
    const second = await importTree();
    expect(stored).toBe(3);
    expect(second.encode()).toEqual(first.encode());
    await importTree();
    expect(stored).toBe(0);
  });

  it('reads another tree at once', async () => {
    await importTree();
    const calculateNar = jest.fn<() => Promise<never>>();
    tree = join(settled.folder, 'other');
    mkdirSync(tree);
    writeFileSync(join(tree, 'x'), 'unknown');
    const second = await importPath(tree, store, {
      known: { files, narCalculation: { calculateNar } },
    });
    expect(calculateNar).not.toHaveBeenCalled();
    expect(second.encode()).toEqual((await importAfresh()).encode());
  });
});
