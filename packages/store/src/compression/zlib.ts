import { pipeline, Readable } from 'node:stream';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { StoreError } from '../errors.ts';

const CHUNK_BYTES = 64 * 1024;

/** Undoes gzip, several members too. @throws StoreError `store/corrupt-compression` */
export function gunzip(
  source: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  return through(source, () => createGunzip({ chunkSize: CHUNK_BYTES }));
}

/** Undoes Brotli. @throws StoreError `store/corrupt-compression` */
export function unbrotli(
  source: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  return through(source, () =>
    createBrotliDecompress({ chunkSize: CHUNK_BYTES }),
  );
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  create: () => Transform,
): AsyncGenerator<Uint8Array, void, undefined> {
  let sourceFailure: { readonly error: unknown } | undefined;
  const input = Readable.from(
    watched(source, (error) => (sourceFailure = { error })),
    { objectMode: false, highWaterMark: CHUNK_BYTES },
  );
  const decoder = create();
  pipeline(input, decoder, () => {
    // What goes wrong reaches whoever reads from the decoder.
  });
  try {
    for await (const piece of decoder) yield piece as Uint8Array;
  } catch (cause) {
    if (sourceFailure !== undefined) throw sourceFailure.error;
    throw new StoreError(
      'store/corrupt-compression',
      'the compressed data is damaged or cut off',
      { cause },
    );
  } finally {
    decoder.destroy();
    input.destroy();
  }
}

async function* watched(
  source: AsyncIterable<Uint8Array>,
  onFailure: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* source;
  } catch (error) {
    onFailure(error);
    throw error;
  }
}
