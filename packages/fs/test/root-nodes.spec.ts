import { describe, expect, it } from '@jest/globals';
import { B3Digest, pathComponent } from '@tvix/castore';
import type { Directory, DirectoryLookup } from '@tvix/castore';
import { rootNodesFromDirectory } from '../src/root-nodes.ts';
import { digestOf, memoryServices, putTree } from './support/tree.ts';

describe('the entries of a directory as roots', () => {
  it('are read once, however often names are asked for', async () => {
    const services = memoryServices();
    const root = await putTree(services, { a: 'x', b: { c: 'y' } });
    let reads = 0;
    const counting: DirectoryLookup = {
      get(digest, options): Promise<Directory | undefined> {
        reads++;
        return services.directories.get(digest, options);
      },
    };
    const nodes = rootNodesFromDirectory(counting, digestOf(root));
    const asked = ['a', 'b', 'c', 'a'].map((name) =>
      nodes.get(pathComponent(name)),
    );
    expect((await Promise.all(asked)).map((node) => node?.type)).toEqual([
      'file',
      'directory',
      undefined,
      'file',
    ]);
    const names: string[] = [];
    for await (const { name } of nodes.list())
      names.push(`${Buffer.from(name)}`);
    expect(names).toEqual(['a', 'b']);
    expect(reads).toBe(1);
  });

  it('fail as long as it is not stored, and are there once it is', async () => {
    const services = memoryServices();
    const digest = B3Digest.fromBytes(new Uint8Array(32));
    const missing = rootNodesFromDirectory(services.directories, digest);
    await expect(missing.get(pathComponent('a'))).rejects.toMatchObject({
      code: 'castore/directory-not-found',
    });
    const other = memoryServices();
    const root = await putTree(other, { a: 'x' });
    const nodes = rootNodesFromDirectory(services.directories, digestOf(root));
    await expect(nodes.get(pathComponent('a'))).rejects.toMatchObject({
      code: 'castore/directory-not-found',
    });
    await putTree(services, { a: 'x' });
    expect(await nodes.get(pathComponent('a'))).toMatchObject({ type: 'file' });
  });
});
