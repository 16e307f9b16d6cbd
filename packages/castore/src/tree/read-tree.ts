import type { BlobService, CallOptions } from '../blob-service/blob-service.ts';
import type { DirectoryLookup } from '../directory-service/traverse.ts';
import type { NamedNode, Node } from '../node/node.ts';
import { DirectoryLookahead } from './directory-lookahead.ts';
import type { TreeEvent } from './event.ts';
import { Segment } from './segment.ts';
import { stopSignal } from './stop-signal.ts';

/** Where a tree comes from. */
export interface ReadTreeServices {
  readonly blobs: Pick<BlobService, 'getMany' | 'openRead'>;
  readonly directories: DirectoryLookup;
}

/** How many segments are fetched while one is told. */
const SEGMENTS_AHEAD = 1;

/**
 * The tree of a node in a store, depth first and in the order of names.
 *
 * Small files are fetched many at a time and one such window ahead (8 MiB in all), large ones are streamed, directories
 * are looked up ahead. Ends at the first problem; no event tells contents that don't fit their node.
 *
 * @throws CastoreError `castore/directory-not-found`, `castore/blob-not-found`; `castore/wrong-size` where a blob isn't
 *   as long as its node says, with `expected` and `found` in its details; and what the services throw
 */
export async function* readTree(
  node: Node,
  services: ReadTreeServices,
  options: CallOptions = {},
): AsyncGenerator<readonly TreeEvent[], void, undefined> {
  const stop = new AbortController();
  const signal = stopSignal(stop, options.signal);
  const loading: Segment[] = [];
  try {
    for await (const segment of planTree(node, services, { signal })) {
      signal.throwIfAborted();
      segment.load();
      loading.push(segment);
      if (loading.length <= SEGMENTS_AHEAD) continue;
      yield* loading[0]!.tell();
      loading.shift();
    }
    while (loading.length > 0) {
      yield* loading[0]!.tell();
      loading.shift();
    }
  } finally {
    stop.abort();
    await Promise.all(loading.map((segment) => segment.release()));
  }
}

/** A directory on the way down. */
interface Place {
  readonly entries: readonly NamedNode[];
  at: number;
}

async function* planTree(
  root: Node,
  { blobs, directories }: ReadTreeServices,
  options: CallOptions,
): AsyncGenerator<Segment, void, undefined> {
  const lookahead =
    root.type === 'directory'
      ? new DirectoryLookahead(directories, root.digest, options)
      : undefined;
  const way: Place[] = [];
  let segment = new Segment(blobs, options);
  let entry: Partial<NamedNode> | undefined = { node: root };
  for (;;) {
    switch (entry?.node?.type) {
      case 'directory':
        segment.push({ type: 'directory' });
        way.push({ entries: (await lookahead!.next()).entries, at: 0 });
        break;
      case 'file':
        segment.pushFile(entry.node, entry.name);
        break;
      case 'symlink':
        segment.push(entry.node);
    }
    if (segment.isFull) {
      yield segment;
      segment = new Segment(blobs, options);
    }
    const place = way.at(-1);
    if (place === undefined) break;
    entry = place.entries[place.at++];
    if (entry === undefined) {
      way.pop();
      segment.push({ type: 'end' });
    } else {
      segment.push({ type: 'entry', name: entry.name! });
    }
  }
  yield segment;
}
