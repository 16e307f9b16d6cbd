import { allocateBlobChunk, encodeBlobChunk } from './blob-chunk.ts';
import type { BlobChunk } from './blob-chunk.ts';

/** How many bytes of a blob one message carries: enough to make the cost of a message small, little enough to stream. */
export const CHUNK_BYTES: number = 256 * 1024;

/** Turns bytes in pieces of any length into messages of one length, copying each byte once, into its message. */
export class ChunkPacker {
  #message: Uint8Array | undefined;
  #filled = 0;

  /** Takes bytes, which aren't kept, and yields the messages that they fill. */
  *add(bytes: Uint8Array): IterableIterator<BlobChunk> {
    for (let at = 0; at < bytes.length;) {
      const message = (this.#message ??= allocateBlobChunk(CHUNK_BYTES));
      const taken = Math.min(bytes.length - at, CHUNK_BYTES - this.#filled);
      message.set(
        taken === bytes.length ? bytes : bytes.subarray(at, at + taken),
        message.length - CHUNK_BYTES + this.#filled,
      );
      this.#filled += taken;
      at += taken;
      if (this.#filled === CHUNK_BYTES) {
        this.#message = undefined;
        this.#filled = 0;
        yield {
          data: message.subarray(message.length - CHUNK_BYTES),
          encoded: message,
        };
      }
    }
  }

  /** The message with what is left; `undefined` where nothing is. */
  finish(): BlobChunk | undefined {
    if (this.#message === undefined || this.#filled === 0) return undefined;
    const start = this.#message.length - CHUNK_BYTES;
    const data = this.#message.subarray(start, start + this.#filled);
    this.#message = undefined;
    this.#filled = 0;
    return { data, encoded: encodeBlobChunk(data) };
  }
}
