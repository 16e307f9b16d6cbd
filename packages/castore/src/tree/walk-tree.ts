import type { CallOptions } from '../blob-service/blob-service.ts';
import type { DirectoryLookup } from '../directory-service/traverse.ts';
import type { NamedNode, Node } from '../node/node.ts';
import { DirectoryLookahead } from './directory-lookahead.ts';
import type { StoredFile, TreeEvent } from './event.ts';

/** A part of a tree whose files are named by their digests: none of their contents is told. */
export type StructureEvent =
  Exclude<TreeEvent, { readonly type: 'regular' | 'data' }> | StoredFile;

/** As many events are told at once. */
const BATCH_EVENTS = 512;

/** A directory on the way down. */
interface Place {
  readonly entries: readonly NamedNode[];
  at: number;
}

/**
 * The structure of a node in a store, depth first and in the order of names. Directories are looked up ahead.
 *
 * @throws CastoreError `castore/directory-not-found`, and what the service throws
 */
export async function* walkTree(
  root: Node,
  directories: DirectoryLookup,
  options?: CallOptions,
): AsyncGenerator<readonly StructureEvent[], void, undefined> {
  const lookahead =
    root.type === 'directory'
      ? new DirectoryLookahead(directories, root.digest, options)
      : undefined;
  const way: Place[] = [];
  let events: StructureEvent[] = [];
  let node: Node | undefined = root;
  for (;;) {
    switch (node?.type) {
      case 'directory':
        events.push({ type: 'directory' });
        way.push({ entries: (await lookahead!.next()).entries, at: 0 });
        break;
      case 'file': {
        const { digest, size, executable } = node;
        events.push({ type: 'stored', executable, size, digest });
        break;
      }
      case 'symlink':
        events.push(node);
    }
    if (events.length >= BATCH_EVENTS) {
      yield events;
      events = [];
    }
    const place = way.at(-1);
    if (place === undefined) break;
    const entry: NamedNode | undefined = place.entries[place.at++];
    node = entry?.node;
    if (entry === undefined) {
      way.pop();
      events.push({ type: 'end' });
    } else {
      events.push({ type: 'entry', name: entry.name });
    }
  }
  yield events;
}
