import type { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';
import type {
  BlobReader,
  BlobStat,
  ByteRange,
  CallOptions,
  ChunkMeta,
} from './blob-service.ts';
import { ForwardCursor } from './forward-cursor.ts';
import { readRemoteBlob } from './grpc-stream.ts';
import type { BlobServiceClient } from './grpc-stream.ts';

/** Chunks up to this length are fetched whole and checked before any of their bytes leave. */
const MAX_BUFFERED_CHUNK_BYTES = 8 * 1024 * 1024;

/**
 * Reads one blob of a server.
 *
 * A range is cut out of the chunks around it, each checked, where the server names chunks. That these are the chunks of the
 * blob is the server's word: only the whole would tell. Where it names none, the blob is read from the start and skipped
 * into; the stream is kept for a later range that goes on from there, and what it brings is checked when it reaches the end
 * of the blob.
 */
export class GrpcBlobReader implements BlobReader {
  readonly size: number | undefined;
  readonly #client: Pick<BlobServiceClient, 'read'>;
  readonly #digest: B3Digest;
  readonly #chunks: readonly PlacedChunk[];
  readonly #closing = new AbortController();
  #lastChunk:
    { readonly chunk: PlacedChunk; readonly bytes: Buffer } | undefined;
  #cursor: ForwardCursor | undefined;

  /** @param stat what the server says of the blob; its only chunk may be the blob itself */
  constructor(
    client: Pick<BlobServiceClient, 'read'>,
    digest: B3Digest,
    stat: BlobStat,
  ) {
    this.#client = client;
    this.#digest = digest;
    this.size = stat.size;
    this.#chunks = stat.chunks.every(
      ({ size }) => size <= MAX_BUFFERED_CHUNK_BYTES,
    )
      ? placeChunks(stat.chunks)
      : [];
  }

  async *read(
    range: ByteRange = { offset: 0 },
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array, void> {
    options?.signal?.throwIfAborted();
    this.#assertOpen();
    const start = range.offset;
    const end = Math.min(
      this.size ?? Infinity,
      start + (range.length ?? Infinity),
    );
    if (start >= end) return;
    const signal = AbortSignal.any([
      this.#closing.signal,
      ...(options?.signal === undefined ? [] : [options.signal]),
    ]);
    try {
      if (start === 0 && end === (this.size ?? Infinity))
        yield* readRemoteBlob(this.#client, this.#digest, signal);
      else if (this.#chunks.length > 0)
        yield* this.#readChunks(start, end, signal);
      else yield* this.#readForward(start, end, signal);
    } catch (error) {
      this.#assertOpen(error);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#lastChunk = undefined;
    const kept = this.#cursor;
    this.#cursor = undefined;
    await kept?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#readChunks(
    start: number,
    end: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void> {
    for (
      let index = chunkAt(this.#chunks, start);
      index < this.#chunks.length && this.#chunks[index]!.start < end;
      index++
    ) {
      const chunk = this.#chunks[index]!;
      const bytes = await this.#fetch(chunk, signal);
      // A copy: the chunk stays for the next range.
      yield new Uint8Array(
        bytes.subarray(Math.max(0, start - chunk.start), end - chunk.start),
      );
    }
  }

  async #fetch(chunk: PlacedChunk, signal: AbortSignal): Promise<Buffer> {
    if (this.#lastChunk?.chunk === chunk) return this.#lastChunk.bytes;
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of readRemoteBlob(
      this.#client,
      chunk.digest,
      signal,
    )) {
      length += piece.length;
      if (length > chunk.size) break;
      pieces.push(piece);
    }
    if (length !== chunk.size) {
      throw new CastoreError(
        'castore/protocol',
        `remote: chunk ${chunk.digest.toString()} isn't ${chunk.size} bytes long, as its list says`,
        { details: { digest: chunk.digest } },
      );
    }
    const bytes = Buffer.concat(pieces);
    if (!this.#closing.signal.aborted) this.#lastChunk = { chunk, bytes };
    return bytes;
  }

  async *#readForward(
    start: number,
    end: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void> {
    const cursor = await this.#takeCursor(start);
    try {
      yield* cursor.read(start, end, signal);
    } finally {
      const isUseful =
        !cursor.isSpent && cursor.position < (this.size ?? Infinity);
      if (isUseful && !signal.aborted && this.#cursor === undefined)
        this.#cursor = cursor;
      else await cursor.close();
    }
  }

  /** Whoever reads takes the cursor away, so that reads side by side have one each. */
  async #takeCursor(start: number): Promise<ForwardCursor> {
    const kept = this.#cursor;
    this.#cursor = undefined;
    if (kept !== undefined && kept.position <= start) return kept;
    await kept?.close();
    return new ForwardCursor((signal) =>
      readRemoteBlob(this.#client, this.#digest, signal),
    );
  }

  #assertOpen(cause?: unknown): void {
    if (this.#closing.signal.aborted)
      throw new CastoreError('castore/closed', 'the blob reader is closed', {
        cause,
      });
  }
}

interface PlacedChunk extends ChunkMeta {
  /** Where it begins in the blob. */
  readonly start: number;
}

function placeChunks(chunks: readonly ChunkMeta[]): readonly PlacedChunk[] {
  let end = 0;
  return chunks.map(({ digest, size }) => {
    const start = end;
    end += size;
    return { digest, size, start };
  });
}

/** The index of the chunk that holds a place. */
function chunkAt(chunks: readonly PlacedChunk[], place: number): number {
  let low = 0;
  let high = chunks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (chunks[middle]!.start <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}
