import { readTree } from '@tvix/castore';
import type { CallOptions, Node, ReadTreeServices } from '@tvix/castore';
import { NarWriter } from '@tvix/nar';
import { writeEvents } from './write-events.ts';

/** So many events are written before their bytes are handed on. */
const SLICE_EVENTS = 32;

/**
 * The NAR of a castore node, in pieces of some 64 KiB as they are asked for; nothing but a batch is read ahead. A piece
 * belongs to whoever got it.
 *
 * @throws CastoreError `castore/blob-not-found`, `castore/directory-not-found`, `castore/wrong-size` where a blob isn't
 *   as long as its file node says; StoreError `store/no-nar-form` where names, targets or the depth exceed what a NAR
 *   can hold
 */
export async function* renderNar(
  node: Node,
  storage: ReadTreeServices,
  options?: CallOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new NarWriter();
  for await (const events of readTree(node, storage, options)) {
    // A batch may be MiBs: written at one go, it would be there twice.
    for (let at = 0; at < events.length; at += SLICE_EVENTS) {
      writeEvents(writer, events.slice(at, at + SLICE_EVENTS));
      yield* writer.take();
    }
  }
  writer.finish();
  yield* writer.take();
}
