import { describe, expect, it } from '@jest/globals';
import { symlinkTarget } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { PathInfo } from '../src/path-info/path-info.ts';
import { MemoryPathInfoService } from '../src/path-info-service/memory.ts';
import { PathInfoRootNodes } from '../src/root-nodes.ts';
import { DUMMY_NAME, utf8 } from './fixtures.ts';

const NODE: Node = { type: 'symlink', target: symlinkTarget('x') };
const OTHER_NAME = '11111111111111111111111111111111-test';

async function rootNodes() {
  const pathInfos = new MemoryPathInfoService();
  for (const name of [OTHER_NAME, DUMMY_NAME])
    await pathInfos.put(PathInfo.createBare(StorePath.parse(name), NODE));
  return { pathInfos, roots: new PathInfoRootNodes(pathInfos) };
}

describe('PathInfoRootNodes', () => {
  it('finds a root node by the basename of its store path', async () => {
    const { roots } = await rootNodes();
    expect(await roots.get(utf8(DUMMY_NAME))).toEqual(NODE);
  });

  it('finds nothing under another name with the same hash', async () => {
    const { roots } = await rootNodes();
    expect(await roots.get(utf8(DUMMY_NAME.slice(0, -1)))).toBeUndefined();
  });

  it('asks nobody for a name that is no store path', async () => {
    const { pathInfos, roots } = await rootNodes();
    pathInfos.get = () => Promise.reject(new TypeError('not to be asked'));
    for (const name of [
      utf8('.Trash'),
      utf8(''),
      Uint8Array.of(0xff),
      utf8(DUMMY_NAME.slice(1)),
    ])
      expect(await roots.get(name)).toBeUndefined();
  });

  it('passes a failure on', async () => {
    const { pathInfos, roots } = await rootNodes();
    const failure = new RangeError('disk');
    pathInfos.get = () => Promise.reject(failure);
    await expect(roots.get(utf8(DUMMY_NAME))).rejects.toBe(failure);
  });

  it('lists all root nodes by name', async () => {
    const { roots } = await rootNodes();
    const names: string[] = [];
    for await (const { name } of roots.list())
      names.push(Buffer.from(name).toString());
    expect(names).toEqual([DUMMY_NAME, OTHER_NAME]);
  });
});
