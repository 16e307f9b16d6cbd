import type { BlobService, CallOptions } from '../blob-service/blob-service.ts';
import type { DirectoryLookup } from '../directory-service/traverse.ts';
import type { Node } from '../node/node.ts';
import type { TreeEvent } from './event.ts';
import { Segment } from './segment.ts';
import { stopSignal } from './stop-signal.ts';
import { walkTree } from './walk-tree.ts';

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

async function* planTree(
  root: Node,
  { blobs, directories }: ReadTreeServices,
  options: CallOptions,
): AsyncGenerator<Segment, void, undefined> {
  let segment = new Segment(blobs, options);
  let name: Uint8Array | undefined;
  for await (const events of walkTree(root, directories, options)) {
    for (const event of events) {
      if (event.type === 'stored') segment.pushFile(event, name);
      else segment.push(event);
      if (event.type === 'entry') name = event.name;
      if (!segment.isFull) continue;
      yield segment;
      segment = new Segment(blobs, options);
    }
  }
  yield segment;
}
