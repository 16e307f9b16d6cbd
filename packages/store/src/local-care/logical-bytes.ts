import { DigestMap, requireDirectory } from '@tvix/castore';
import type {
  B3Digest,
  Directory,
  DirectoryService,
  Node,
} from '@tvix/castore';

/**
 * The bytes of all files below nodes, each counted as often as it stands there: what the trees would take without
 * deduplication. A directory is read once, however often it is met.
 *
 * @throws CastoreError `castore/directory-not-found`, `castore/corrupt-directory`
 */
export async function logicalBytes(
  nodes: AsyncIterable<Node>,
  directories: Pick<DirectoryService, 'get'>,
): Promise<bigint> {
  const known = new DigestMap<bigint>();
  let total = 0n;
  for await (const node of nodes) {
    if (node.type === 'file') total += node.size;
    if (node.type === 'directory')
      total += await bytesBelow(node.digest, directories, known);
  }
  return total;
}

/** A directory that is being summed up. */
interface Frame {
  readonly digest: B3Digest;
  readonly directory: Directory;
  next: number;
  bytes: bigint;
}

async function bytesBelow(
  root: B3Digest,
  directories: Pick<DirectoryService, 'get'>,
  known: DigestMap<bigint>,
): Promise<bigint> {
  const open = async (digest: B3Digest): Promise<Frame> => ({
    digest,
    directory: await requireDirectory(directories, digest),
    next: 0,
    bytes: 0n,
  });
  const stack = known.has(root) ? [] : [await open(root)];
  while (stack.length > 0) {
    const frame = stack.at(-1)!;
    const entry = frame.directory.entries[frame.next];
    if (entry === undefined) {
      known.set(frame.digest, frame.bytes);
      stack.pop();
      continue;
    }
    const { node } = entry;
    const below = node.type === 'directory' ? known.get(node.digest) : 0n;
    if (node.type === 'directory' && below === undefined) {
      stack.push(await open(node.digest));
      continue;
    }
    frame.bytes += node.type === 'file' ? node.size : (below ?? 0n);
    frame.next += 1;
  }
  return known.get(root)!;
}
