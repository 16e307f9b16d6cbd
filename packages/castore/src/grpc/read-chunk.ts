import {
  BlobChunk,
  allocateBlobChunk,
  blobChunkHeaderLength,
} from './blob-chunk.ts';
import { countPassingBytes } from '../heap/passing-buffers.ts';
import { CHUNK_BYTES } from './chunk-packer.ts';
import { handOver } from './codec.ts';
import type { Codec } from './codec.ts';

/** A piece of a blob on its way out of a server: views of what the store handed out, joined when the message is sent. */
export interface ReadChunk {
  readonly data: Uint8Array;
  /** What follows `data` in the same message. */
  readonly rest?: readonly Uint8Array[];
}

/** A full message, which is written over by the next. */
let scratch: Uint8Array | undefined;

/**
 * `BlobChunk` as a server answers it. Full messages are all encoded into the same memory: fresh memory for each costs
 * more than the copy (page faults, collections). A server of grpc-js copies what an encoder returns behind its own
 * header before anything else can run (`serializeMessage`, seen in 1.14.7), so that nobody sees it written over.
 */
export const ReadChunk: Codec<ReadChunk> = {
  encode: (chunk) => ({ finish: () => encode(chunk) }),
  decode: (bytes) => BlobChunk.decode(bytes),
};

function encode({ data, rest = [] }: ReadChunk): Uint8Array {
  const length = rest.reduce((sum, part) => sum + part.length, data.length);
  if (length === 0) return new Uint8Array(0);
  const message =
    length === CHUNK_BYTES
      ? (scratch ??= allocateBlobChunk(length))
      : allocateBlobChunk(length);
  countPassingBytes(length);
  let at = blobChunkHeaderLength(length);
  message.set(data, at);
  at += data.length;
  for (const part of rest) {
    message.set(part, at);
    at += part.length;
  }
  return handOver(message);
}

/** Gathers bytes in pieces of any length into messages of one length, without a copy: the pieces are kept until sent. */
export class ReadPacker {
  #parts: Uint8Array[] = [];
  #length = 0;

  /** Takes bytes, which must stay as they are, and yields the messages that they fill. */
  *add(bytes: Uint8Array): IterableIterator<ReadChunk> {
    for (let at = 0; at < bytes.length;) {
      const taken = Math.min(bytes.length - at, CHUNK_BYTES - this.#length);
      this.#parts.push(bytes.subarray(at, at + taken));
      this.#length += taken;
      at += taken;
      if (this.#length === CHUNK_BYTES) yield this.#take();
    }
  }

  /** The message with what is left; `undefined` where nothing is. */
  finish(): ReadChunk | undefined {
    return this.#length === 0 ? undefined : this.#take();
  }

  #take(): ReadChunk {
    const [data, ...rest] = this.#parts;
    this.#parts = [];
    this.#length = 0;
    return { data: data!, rest };
  }
}
