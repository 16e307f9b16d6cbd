import { describe, expect, it } from '@jest/globals';
import {
  DIRECTORY_B,
  DIRECTORY_COMPLICATED,
  DIRECTORY_WITH_KEEP,
} from '../../src/conformance/fixtures.ts';
import { failAt } from '../../src/conformance/faults.ts';
import { FaultyDirectoryService } from '../../src/conformance/faulty-directory-service.ts';
import { MemoryDirectoryService } from '../../src/directory-service/memory.ts';
import {
  descendTo,
  requireDirectory,
  traverseBreadthFirst,
} from '../../src/directory-service/traverse.ts';
import type { Node } from '../../src/node/node.ts';
import { splitPath } from '../../src/path/path.ts';

const { directory: complicated } = DIRECTORY_COMPLICATED;
const root: Node = {
  type: 'directory',
  digest: complicated.digest,
  size: complicated.size,
};

async function store(): Promise<MemoryDirectoryService> {
  const directories = new MemoryDirectoryService();
  await directories.put(complicated);
  await directories.put(DIRECTORY_WITH_KEEP.directory);
  return directories;
}

const node = (name: string): Node => complicated.get(Buffer.from(name))!;

describe('descendTo', () => {
  it.each<[string, Node | undefined]>([
    ['', root],
    ['/', root],
    ['keep', node('keep')],
    ['aa', node('aa')],
    ['keep/.keep', node('.keep')],
    ['/keep/.keep', node('.keep')],
    ['/keep//./.keep/', node('.keep')],
    ['void', undefined],
    ['//v/oid', undefined],
    ['keep/.keep/foo', undefined],
    ['aa/foo', undefined],
  ])('goes to %j', async (path, expected) => {
    expect(await descendTo(await store(), root, splitPath(path))).toEqual(
      expected,
    );
  });

  it('rejects where a directory on the way is missing', async () => {
    const directories = new MemoryDirectoryService();
    await directories.put(complicated);
    expect(await descendTo(directories, root, splitPath('keep'))).toEqual(
      node('keep'),
    );
    await expect(
      descendTo(directories, root, splitPath('keep/.keep')),
    ).rejects.toMatchObject({
      code: 'castore/directory-not-found',
      details: { digest: DIRECTORY_WITH_KEEP.digest },
    });
  });

  it('does not take a failure for absence', async () => {
    const broken = new Error('broken');
    const directories = new FaultyDirectoryService(
      await store(),
      failAt('get', broken, 2),
    );
    await expect(
      descendTo(directories, root, splitPath('keep/.keep')),
    ).rejects.toBe(broken);
  });
});

describe('traverseBreadthFirst', () => {
  it('tells a failure after what came before it', async () => {
    const broken = new Error('broken');
    const directories = new FaultyDirectoryService(
      await store(),
      failAt('get', broken, 2),
    );
    const traversal = traverseBreadthFirst(directories, complicated.digest);
    expect((await traversal.next()).value).toEqual(complicated);
    await expect(traversal.next()).rejects.toBe(broken);
  });
});

describe('requireDirectory', () => {
  it('rejects where there is none', async () => {
    await expect(
      requireDirectory(await store(), DIRECTORY_B.digest),
    ).rejects.toMatchObject({ code: 'castore/directory-not-found' });
  });
});
