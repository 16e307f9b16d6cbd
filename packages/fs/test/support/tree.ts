import {
  Directory,
  MemoryBlobService,
  MemoryDirectoryService,
  pathComponent,
  symlinkTarget,
} from '@tvix/castore';
import type {
  BlobService,
  B3Digest,
  DirectoryService,
  Node,
} from '@tvix/castore';

/** A tree as tests write it down: text or bytes are files, arrays are symlinks, objects are directories. */
export interface Tree {
  [name: string]: Tree | string | Uint8Array | readonly [target: string];
}

export interface Services {
  readonly blobs: BlobService;
  readonly directories: DirectoryService;
}

export function memoryServices(): Services {
  return {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
  };
}

export async function putFile(
  { blobs }: Pick<Services, 'blobs'>,
  contents: string | Uint8Array,
  executable = false,
): Promise<Node> {
  const bytes = Buffer.from(contents);
  const writer = blobs.openWrite();
  await writer.write(bytes);
  return {
    type: 'file',
    digest: await writer.close(),
    size: BigInt(bytes.length),
    executable,
  };
}

/** Names that end in `*` are executable. */
export async function putTree(services: Services, tree: Tree): Promise<Node> {
  const putter = services.directories.putMultipleStart();
  const root = await putLevel(services, tree, (directory) =>
    putter.put(directory),
  );
  await putter.close();
  return root;
}

async function putLevel(
  services: Services,
  tree: Tree,
  put: (directory: Directory) => Promise<void>,
): Promise<Node> {
  const entries = [];
  for (const [text, what] of Object.entries(tree)) {
    const isExecutable = text.endsWith('*');
    const name = pathComponent(isExecutable ? text.slice(0, -1) : text);
    const node: Node = Array.isArray(what)
      ? { type: 'symlink', target: symlinkTarget(what[0] as string) }
      : typeof what === 'string' || what instanceof Uint8Array
        ? await putFile(services, what, isExecutable)
        : await putLevel(services, what as Tree, put);
    entries.push({ name, node });
  }
  const directory = Directory.fromEntries(entries);
  await put(directory);
  return directoryNode(directory);
}

export function directoryNode(directory: Directory): Node {
  return {
    type: 'directory',
    digest: directory.digest,
    size: directory.size,
  };
}

export function digestOf(node: Node): B3Digest {
  if (node.type === 'symlink') throw new TypeError('a symlink has no digest');
  return node.digest;
}
