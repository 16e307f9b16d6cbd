import { readTree } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import { NarWriter } from '@tvix/nar';
import { renderAtHand } from './render-at-hand.ts';
import type { RenderOptions, RenderSource } from './render-source.ts';
import { writeEvents } from './write-events.ts';

/** So many events are written before their bytes are handed on. */
const SLICE_EVENTS = 32;

/**
 * The NAR of a castore node, in pieces of some 256 KiB as they are asked for. A piece belongs to whoever got it.
 *
 * @throws CastoreError `castore/blob-not-found`, `castore/directory-not-found`, `castore/wrong-size` where a blob isn't
 *   as long as its file node says; StoreError `store/no-nar-form` where names, targets or the depth exceed what a NAR
 *   can hold
 */
export async function* renderNar(
  node: Node,
  source: RenderSource,
  options: RenderOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* source.blobs.readWhole === undefined
    ? renderFetched(node, source, options)
    : renderAtHand(node, source, options);
}

/** From a store that is asked for many contents at a time, a batch ahead. */
async function* renderFetched(
  node: Node,
  source: RenderSource,
  { signal }: RenderOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new NarWriter();
  const options = signal === undefined ? {} : { signal };
  for await (const events of readTree(node, source, options)) {
    // A batch may be MiBs: written at one go, it would be there twice.
    for (let at = 0; at < events.length; at += SLICE_EVENTS) {
      writeEvents(writer, events.slice(at, at + SLICE_EVENTS));
      yield* writer.take();
    }
  }
  writer.finish();
  yield* writer.take();
}
