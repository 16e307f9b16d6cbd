import { DirectoryLookahead, requireDirectory } from '@tvix/castore';
import type { DirectoryLookup, NamedNode, Node } from '@tvix/castore';
import type { ListingEvent } from './entry.ts';

/** Many enough to make batches cheap, few enough that a slow store shows what it has. */
const BATCH_EVENTS = 1024;

/** The listing of a node in a store. A whole tree's directories are looked up ahead of their turn, contents never. */
export async function* castoreListing(
  root: Node,
  directories: DirectoryLookup,
  { recursive }: { readonly recursive: boolean },
): AsyncGenerator<readonly ListingEvent[], void> {
  let batch: ListingEvent[] = [listed(root)];
  const way: { readonly entries: readonly NamedNode[]; next: number }[] = [];
  const lookahead =
    recursive && root.type === 'directory'
      ? new DirectoryLookahead(directories, root.digest)
      : undefined;
  const open = async (node: Node): Promise<void> => {
    if (node.type !== 'directory') return;
    const { entries } = await (lookahead?.next() ??
      requireDirectory(directories, node.digest));
    way.push({ entries, next: 0 });
  };
  await open(root);
  for (let place = way.at(-1); place !== undefined; place = way.at(-1)) {
    const entry = place.entries[place.next++];
    if (entry === undefined) {
      way.pop();
      batch.push({ type: 'end' });
    } else {
      batch.push({ type: 'entry', name: entry.name }, listed(entry.node));
      if (recursive) await open(entry.node);
      else if (entry.node.type === 'directory') batch.push({ type: 'end' });
    }
    if (batch.length < BATCH_EVENTS) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

function listed(node: Node): ListingEvent {
  switch (node.type) {
    case 'directory':
      return { type: 'directory' };
    case 'file':
      return {
        type: 'regular',
        executable: node.executable,
        size: node.size,
      };
    case 'symlink':
      return { type: 'symlink', target: node.target };
  }
}
