import type { B3Digest, Directory, DirectoryLookup } from '@tvix/castore';
import { ServiceBlobSource } from '../../src/blob-source.ts';
import { CastoreFs } from '../../src/castore-fs.ts';
import type { CastoreFsOptions } from '../../src/castore-fs.ts';
import { rootNodesFromEntries } from '../../src/root-nodes.ts';
import { FakeKernel } from './fake-kernel.ts';
import { digestOf, memoryServices, putTree } from './tree.ts';
import type { Services, Tree } from './tree.ts';

export interface Setup {
  readonly kernel: FakeKernel;
  readonly fs: CastoreFs;
  readonly services: Services;
}

/** A file system that shows a tree's entries in its root, over services in memory, past INIT. */
export async function mounted(
  tree: Tree,
  options: Partial<CastoreFsOptions> = {},
): Promise<Setup> {
  const services = memoryServices();
  const root = await putTree(services, tree);
  const directory = (await services.directories.get(digestOf(root)))!;
  const fs = new CastoreFs({
    rootNodes: rootNodesFromEntries(
      directory.entries.map(({ name, node }) => [name, node]),
    ),
    directories: services.directories,
    blobs: new ServiceBlobSource(services.blobs),
    ...options,
  });
  const kernel = new FakeKernel(fs);
  await kernel.init();
  return { kernel, fs, services };
}

/** A directory service whose answers come when the test says so. */
export function gated(
  inner: DirectoryLookup,
): DirectoryLookup & { open(): void; asked: number; aborted: number } {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const service = {
    asked: 0,
    aborted: 0,
    open: () => open(),
    async get(
      digest: B3Digest,
      options?: { signal?: AbortSignal },
    ): Promise<Directory | undefined> {
      service.asked++;
      options?.signal?.addEventListener('abort', () => service.aborted++);
      await gate;
      return inner.get(digest);
    },
  };
  return service;
}
