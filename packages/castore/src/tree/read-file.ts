import type { BlobService, CallOptions } from '../blob-service/blob-service.ts';
import type { StoredFile } from './event.ts';
import { Segment } from './segment.ts';

/** Settings of {@link readFile}. */
export interface ReadFileOptions extends CallOptions {
  /** The name by which an error points at the file. */
  readonly name?: Uint8Array | undefined;
}

/**
 * The contents of a file in a store, in pieces, exactly as many bytes as its node says.
 *
 * @throws CastoreError `castore/blob-not-found`; `castore/wrong-size`, with `expected` and `found` in its details; and
 *   what the service throws
 */
export async function* readFile(
  file: StoredFile,
  blobs: Pick<BlobService, 'getMany' | 'openRead'>,
  { name, ...options }: ReadFileOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const segment = new Segment(blobs, options);
  segment.pushFile(file, name);
  segment.load();
  try {
    for await (const events of segment.tell())
      for (const event of events) if (event.type === 'data') yield event.bytes;
  } finally {
    await segment.release();
  }
}
