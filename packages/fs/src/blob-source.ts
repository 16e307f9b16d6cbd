import type {
  B3Digest,
  BlobPlace,
  BlobService,
  CallOptions,
  ChunkMeta,
} from '@tvix/castore';
import { FsError } from './errors.ts';

/** The length of the pieces in which a blob is read that the store doesn't keep as chunks. */
export const BLOCK_BYTES: number = 128 * 1024;

/**
 * What the blob cache asks of a store: whole pieces, by digest where pieces have one.
 *
 * A narrow contract on purpose: it is also what travels between threads.
 */
export interface BlobSource {
  /** Blobs or chunks whole, in order; `undefined` for each that isn't stored. The bytes belong to the caller. */
  getMany(
    digests: readonly B3Digest[],
    options?: CallOptions,
  ): Promise<readonly (Uint8Array | undefined)[]>;

  /** The chunks of a blob in order, empty where the store keeps none; `undefined` where the blob isn't stored. */
  chunks(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<readonly ChunkMeta[] | undefined>;

  /**
   * A part of a blob, in one piece, cut off at the blob's end; `undefined` where the blob isn't stored. Where the
   * store can't start in the middle, parts that follow each other are read from one stream.
   */
  range(
    digest: B3Digest,
    offset: number,
    length: number,
    options?: CallOptions,
  ): Promise<Uint8Array | undefined>;

  /**
   * Fills `into` with the part of a blob or chunk that begins at a place, before it returns; false where that can't be
   * had so fast.
   */
  readPart?(digest: B3Digest, place: BlobPlace, into: Uint8Array): boolean;
}

/** The part of a blob service that reading needs. */
export type ReadableBlobs = Pick<
  BlobService,
  'capabilities' | 'getMany' | 'readPart' | 'stat' | 'openRead'
>;

/** Streams that stay open for the next part. Each may hold a connection. */
const OPEN_STREAMS = 8;

/** Reads pieces from a blob service. */
export class ServiceBlobSource implements BlobSource {
  readonly #blobs: ReadableBlobs;
  readonly #streams = new Map<string, ForwardStream>();

  constructor(blobs: ReadableBlobs) {
    this.#blobs = blobs;
  }

  getMany(
    digests: readonly B3Digest[],
    options?: CallOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#blobs.getMany(digests, options);
  }

  readPart(digest: B3Digest, place: BlobPlace, into: Uint8Array): boolean {
    return this.#blobs.readPart?.(digest, place, into) === true;
  }

  async chunks(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<readonly ChunkMeta[] | undefined> {
    const stat = await this.#blobs.stat(digest, {
      ...options,
      sendChunks: true,
    });
    return stat?.chunks;
  }

  async range(
    digest: B3Digest,
    offset: number,
    length: number,
    options?: CallOptions,
  ): Promise<Uint8Array | undefined> {
    if (!this.#blobs.capabilities.ranges)
      return this.#fromStream(digest, offset, length);
    const reader = await this.#blobs.openRead(digest, options);
    if (reader === undefined) return undefined;
    try {
      const parts: Uint8Array[] = [];
      for await (const part of reader.read({ offset, length }, options))
        parts.push(part);
      return join(parts);
    } finally {
      await reader.close();
    }
  }

  async #fromStream(
    digest: B3Digest,
    offset: number,
    length: number,
  ): Promise<Uint8Array | undefined> {
    const { key } = digest;
    let stream = this.#streams.get(key);
    this.#streams.delete(key);
    if (stream !== undefined && stream.position > offset) {
      await stream.close();
      stream = undefined;
    }
    stream ??= await ForwardStream.open(this.#blobs, digest);
    if (stream === undefined) return undefined;
    try {
      const bytes = await stream.read(offset, length);
      // Another stream of the same blob may have taken the place meanwhile: one is enough.
      if (bytes.length < length || this.#streams.has(key)) await stream.close();
      else await this.#keep(key, stream);
      return bytes;
    } catch (error) {
      await stream.close();
      throw error;
    }
  }

  async #keep(key: string, stream: ForwardStream): Promise<void> {
    this.#streams.set(key, stream);
    if (this.#streams.size <= OPEN_STREAMS) return;
    const [oldest, abandoned] = this.#streams.entries().next().value!;
    this.#streams.delete(oldest);
    await abandoned.close();
  }

  /** Closes streams that are still open. */
  async close(): Promise<void> {
    const open = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of open) await stream.close();
  }
}

/** One pass over a blob, read part by part. */
class ForwardStream {
  readonly #reader: AsyncDisposable;
  readonly #parts: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  position = 0;

  private constructor(
    reader: AsyncDisposable,
    parts: AsyncIterator<Uint8Array>,
  ) {
    this.#reader = reader;
    this.#parts = parts;
  }

  static async open(
    blobs: ReadableBlobs,
    digest: B3Digest,
  ): Promise<ForwardStream | undefined> {
    const reader = await blobs.openRead(digest);
    return (
      reader && new ForwardStream(reader, reader.read()[Symbol.asyncIterator]())
    );
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset < this.position)
      throw new FsError('EIO', 'a stream of a blob was moved by two readers');
    while (this.position < offset) {
      const skipped = await this.#take(offset - this.position);
      if (skipped === undefined) return new Uint8Array(0);
    }
    const parts: Uint8Array[] = [];
    for (let wanted = length; wanted > 0;) {
      const part = await this.#take(wanted);
      if (part === undefined) break;
      parts.push(part);
      wanted -= part.length;
    }
    return join(parts);
  }

  async #take(atMost: number): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) {
      const next = await this.#parts.next();
      if (next.done === true) return undefined;
      this.#rest = next.value;
    }
    const part = this.#rest.subarray(0, atMost);
    this.#rest = this.#rest.subarray(part.length);
    this.position += part.length;
    return part;
  }

  async close(): Promise<void> {
    await this.#parts.return?.();
    await this.#reader[Symbol.asyncDispose]();
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
