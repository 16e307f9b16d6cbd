import type { B3Digest } from '@tvix/castore';
import {
  blockLayout,
  chunkLayout,
  wholeLayout,
  WHOLE_BYTES,
} from './blob-layout.ts';
import type { BlobLayout, Segment } from './blob-layout.ts';
import type { BlobSource } from './blob-source.ts';
import { ByteLru } from './byte-lru.ts';
import { FsError } from './errors.ts';
import { ForwardReaders } from './forward-readers.ts';
import { SegmentBatch } from './segment-batch.ts';
import { SegmentMemory } from './segment-memory.ts';
import { SharedLoads } from './shared-loads.ts';
import type { Spill } from './spill.ts';

/** A blob and how long the node that led here says that it is. */
export interface BlobRef {
  readonly digest: B3Digest;
  readonly size: number;
}

/** Remembered lists of chunks, in bytes. */
const LAYOUT_CACHE_BYTES = 16 * 1024 * 1024;
/** What a chunk takes in such a list. */
const CHUNK_META_BYTES = 250;
/** Segments that are fetched ahead of a reader that goes forward. */
const AHEAD = 4;

/** Contents of blobs: verified segments, as many as fit, each fetched once however many wait for it. */
export class BlobCache {
  readonly #source: BlobSource;
  readonly #spill: Spill | undefined;
  readonly #batch: SegmentBatch;
  readonly #segments: SegmentMemory;
  readonly #layouts = new ByteLru<BlobLayout>(LAYOUT_CACHE_BYTES);
  readonly #forward = new ForwardReaders();
  readonly #segmentLoads = new SharedLoads<Uint8Array>();
  readonly #layoutLoads = new SharedLoads<BlobLayout>();

  /** @param spill where segments go that were read out of order, and so will be again */
  constructor(source: BlobSource, limitBytes: number, spill?: Spill) {
    this.#source = source;
    this.#spill = spill;
    this.#batch = new SegmentBatch(source);
    this.#segments = new SegmentMemory(limitBytes);
  }

  /** How many bytes of contents are kept. */
  get bytes(): number {
    return this.#segments.bytes;
  }

  /**
   * A range of a blob, as parts in order, if all of it is at hand. The parts are the cache's own: not to be changed, and
   * valid until something else is loaded. The range must lie inside the blob and not be empty.
   */
  peek(
    blob: BlobRef,
    offset: number,
    length: number,
  ): readonly Uint8Array[] | undefined {
    const layout = this.#knownLayout(blob);
    if (layout === undefined) return undefined;
    const parts: Uint8Array[] = [];
    for (const segment of cover(layout, offset, length)) {
      const bytes = this.#segments.get(segment.key);
      const part =
        bytes === undefined
          ? this.#unspilled(segment, offset, length)
          : cut(segment, bytes, offset, length);
      if (part === undefined) return undefined;
      parts.push(part);
    }
    return parts;
  }

  /**
   * Fills `into` with the part of a blob that begins at `offset`, where all of it is at hand or the store can read it
   * at once; false where it has to be fetched. The part must lie inside the blob and not be empty.
   *
   * @throws what the store fails with
   */
  fill(blob: BlobRef, offset: number, into: Uint8Array): boolean {
    const layout = this.#knownLayout(blob);
    if (layout === undefined) return false;
    let filled = 0;
    for (const segment of cover(layout, offset, into.length)) {
      const from = Math.max(0, offset - segment.start);
      const to = Math.min(segment.length, offset + into.length - segment.start);
      const part = into.subarray(filled, (filled += to - from));
      if (!this.#fillFrom(segment, from, part)) return false;
    }
    this.#forward.note(blob.digest.key, offset + into.length);
    return true;
  }

  /**
   * As {@link peek}, fetching what isn't at hand; parts that stay valid.
   *
   * @throws FsError `EIO` where the blob isn't stored or isn't as long as its node says; what the store fails with
   */
  async load(
    blob: BlobRef,
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): Promise<readonly Uint8Array[]> {
    const layout = await this.#layout(blob, signal);
    const isSequential =
      this.#forward.goesOn(blob.digest.key, offset) ||
      this.#isSequential(layout, offset);
    this.#forward.note(blob.digest.key, offset + length);
    const parts = cover(layout, offset, length).map(async (segment) => {
      const kept = this.#segments.get(segment.key);
      if (kept !== undefined) return cut(segment, kept, offset, length).slice();
      const contents = await this.#load(blob, segment, signal);
      // A reader that goes forward leaves what it has read to the page cache.
      if (!isSequential && layout.count > 1)
        this.#spill?.put(segment.key, contents);
      return cut(segment, contents, offset, length);
    });
    if (isSequential) this.#loadAhead(blob, layout, offset + length);
    return Promise.all(parts);
  }

  #unspilled(
    { key, start, length: segmentLength }: Segment,
    offset: number,
    length: number,
  ): Uint8Array | undefined {
    const from = Math.max(0, offset - start);
    const to = Math.min(segmentLength, offset + length - start);
    return this.#spill?.get(key, from, to - from);
  }

  #fillFrom(segment: Segment, from: number, into: Uint8Array): boolean {
    const { key, digest, length: size } = segment;
    const bytes =
      this.#segments.get(key)?.subarray(from, from + into.length) ??
      this.#spill?.get(key, from, into.length);
    if (bytes !== undefined) into.set(bytes);
    else if (digest === undefined) return false;
    else
      return (
        this.#source.readPart?.(digest, { size, offset: from }, into) === true
      );
    return true;
  }

  #knownLayout({ digest, size }: BlobRef): BlobLayout | undefined {
    return size <= WHOLE_BYTES
      ? wholeLayout(digest, size)
      : this.#layouts.get(digest.key);
  }

  async #layout(blob: BlobRef, signal?: AbortSignal): Promise<BlobLayout> {
    const { digest } = blob;
    return (
      this.#knownLayout(blob) ??
      this.#layoutLoads.join(
        digest.key,
        (loading) => this.#fetchLayout(blob, loading),
        signal,
      )
    );
  }

  async #fetchLayout(
    { digest, size }: BlobRef,
    signal: AbortSignal,
  ): Promise<BlobLayout> {
    const chunks = await this.#source.chunks(digest, { signal });
    if (chunks === undefined) throw missing(digest);
    const layout =
      chunks.length > 0 ? chunkLayout(chunks, size) : blockLayout(digest, size);
    this.#layouts.set(
      digest.key,
      layout,
      200 + chunks.length * CHUNK_META_BYTES,
    );
    return layout;
  }

  #load(
    blob: BlobRef,
    segment: Segment,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    return this.#segmentLoads.join(
      segment.key,
      (loading) => this.#fetch(blob, segment, loading),
      signal,
    );
  }

  async #fetch(
    blob: BlobRef,
    segment: Segment,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { key, digest, start, length } = segment;
    const bytes =
      digest === undefined
        ? await this.#source.range(blob.digest, start, length, { signal })
        : await this.#batch.get(digest, signal);
    if (bytes === undefined) throw missing(blob.digest);
    if (bytes.length !== length)
      throw new FsError(
        'EIO',
        `blob ${blob.digest.toString()}: ${length} bytes were expected at ${start}, found ${bytes.length}`,
      );
    this.#segments.set(key, bytes);
    return bytes;
  }

  /** Whether what stands before the offset was read lately: a reader that goes forward. */
  #isSequential(layout: BlobLayout, offset: number): boolean {
    if (offset === 0) return layout.count > 1;
    return this.#segments.has(layout.segment(layout.indexOf(offset - 1)).key);
  }

  #loadAhead(blob: BlobRef, layout: BlobLayout, from: number): void {
    if (from >= blob.size) return;
    const first = layout.indexOf(from);
    const end = Math.min(layout.count, first + AHEAD);
    for (let i = first; i < end; i++) {
      const segment = layout.segment(i);
      if (this.#segments.has(segment.key)) continue;
      // A failure shows to whoever really wants the segment.
      this.#load(blob, segment).catch(() => undefined);
    }
  }
}

/** The segments that a range touches, in order. */
function cover(layout: BlobLayout, offset: number, length: number): Segment[] {
  const segments: Segment[] = [];
  const last = layout.indexOf(offset + length - 1);
  for (let i = layout.indexOf(offset); i <= last; i++)
    segments.push(layout.segment(i));
  return segments;
}

/** The part of a segment that lies inside a range. */
function cut(
  { start }: Segment,
  bytes: Uint8Array,
  offset: number,
  length: number,
): Uint8Array {
  return bytes.subarray(Math.max(0, offset - start), offset + length - start);
}

function missing(digest: B3Digest): FsError {
  return new FsError('EIO', `blob ${digest.toString()} is not in the store`);
}
