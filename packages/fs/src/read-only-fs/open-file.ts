import type { FileNode } from '@tvix/castore';
import type { BlobCache, BlobRef } from '../blob-cache.ts';
import { FsError } from '../errors.ts';
import { Stats } from './stats.ts';

/** A part of a file. */
export interface ReadRange {
  /** The first byte. Default: 0. */
  readonly start?: number;
  /** The last byte, which is read too, as `fs.createReadStream` has it. Default: the file's last. */
  readonly end?: number;
  readonly signal?: AbortSignal;
}

/** What a stream gives at a time, in bytes. */
const STEP_BYTES = 256 * 1024;

/** A file that is open for reading: shaped as `fs.promises.FileHandle` of Node, as far as that reads. */
export class OpenFile implements AsyncDisposable {
  readonly #node: FileNode;
  readonly #blob: BlobRef;
  readonly #blobs: BlobCache;
  #position = 0;
  #isClosed = false;

  /** For `ReadOnlyFs.open`. */
  constructor(node: FileNode, blobs: BlobCache) {
    this.#node = node;
    this.#blob = { digest: node.digest, size: Number(node.size) };
    this.#blobs = blobs;
  }

  /**
   * Fills a part of a buffer; fewer bytes only at the end of the file.
   *
   * @param position where to read; `null` goes on where the last read without a position ended
   * @throws FsError `EBADF` after `close`, `EIO`
   */
  async read<B extends Uint8Array>(
    buffer: B,
    offset = 0,
    length: number = buffer.length - offset,
    position: number | null = null,
  ): Promise<{ bytesRead: number; buffer: B }> {
    const from = position ?? this.#position;
    const wanted = Math.min(length, buffer.length - offset);
    let bytesRead = 0;
    for (const part of await this.#load(from, wanted)) {
      buffer.set(part, offset + bytesRead);
      bytesRead += part.length;
    }
    if (position === null) this.#position += bytesRead;
    return { bytesRead, buffer };
  }

  /**
   * The whole contents.
   *
   * @throws FsError `EBADF`, `EIO`
   */
  async readFile(): Promise<Uint8Array> {
    const contents = new Uint8Array(this.#blob.size);
    let at = 0;
    for await (const part of this.stream()) {
      contents.set(part, at);
      at += part.length;
    }
    return contents;
  }

  /**
   * The contents, or a part of them, piece by piece. Each piece belongs to the caller.
   *
   * @throws FsError `EBADF`, `EIO`; the signal's reason
   */
  async *stream({
    start = 0,
    end = Infinity,
    signal,
  }: ReadRange = {}): AsyncGenerator<Uint8Array> {
    const stop = Math.min(end + 1, this.#blob.size);
    for (let at = start; at < stop; at += STEP_BYTES) {
      const length = Math.min(STEP_BYTES, stop - at);
      for (const part of await this.#load(at, length, signal))
        yield new Uint8Array(part);
    }
  }

  async stat(): Promise<Stats> {
    return new Stats(this.#node);
  }

  /** Nothing is held but the right to read on. */
  async close(): Promise<void> {
    this.#isClosed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #load(
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): Promise<readonly Uint8Array[]> {
    if (this.#isClosed) throw new FsError('EBADF', 'the file is closed');
    signal?.throwIfAborted();
    const inside = Math.min(length, this.#blob.size - offset);
    if (inside <= 0) return [];
    const part = new Uint8Array(inside);
    return this.#blobs.fill(this.#blob, offset, part)
      ? [part]
      : this.#blobs.load(this.#blob, offset, inside, signal);
  }
}
