import { countPassingBytes } from '../heap/passing-buffers.ts';
import { BlobChunk as GeneratedBlobChunk } from '../proto/index.ts';
import { handOver } from './codec.ts';
import type { Codec } from './codec.ts';

/** A piece of a blob. */
export interface BlobChunk {
  /** After decoding, a view into the received message. */
  readonly data: Uint8Array;
  /** The whole message, where it was built encoded. */
  readonly encoded?: Uint8Array;
}

const DATA_TAG = 0x0a;

/** `BlobChunk`: decoding makes a view, encoding copies the payload once, behind its header. */
export const BlobChunk: Codec<BlobChunk> = {
  encode: ({ data, encoded }) => ({
    finish() {
      countPassingBytes(data.length);
      return handOver(encoded ?? encodeBlobChunk(data));
    },
  }),
  decode(bytes) {
    countPassingBytes(bytes.length);
    const start = payloadStart(bytes);
    return start === undefined
      ? GeneratedBlobChunk.decode(bytes)
      : { data: bytes.subarray(start) };
  },
};

/** Encodes a piece of a blob. */
export function encodeBlobChunk(data: Uint8Array): Uint8Array {
  if (data.length === 0) return new Uint8Array(0);
  const header = blobChunkHeaderLength(data.length);
  const message = allocateBlobChunk(data.length);
  message.set(data, header);
  return message;
}

/** An encoded piece of a blob with everything but its payload, which stands last. */
export function allocateBlobChunk(length: number): Uint8Array {
  // Not from Buffer's pool: only a message that owns its memory can be handed over without a copy.
  const message = Buffer.allocUnsafeSlow(
    blobChunkHeaderLength(length) + length,
  );
  message[0] = DATA_TAG;
  let at = 1;
  for (; length >= 0x80; length >>>= 7) message[at++] = (length & 0x7f) | 0x80;
  message[at] = length;
  return message;
}

/** How many bytes stand before a payload of this length. */
export function blobChunkHeaderLength(length: number): number {
  let header = 2;
  for (; length >= 0x80; length >>>= 7) header++;
  return header;
}

/** Where the payload starts, if the message is one field that reaches to its end, as every encoder writes it. */
function payloadStart(bytes: Uint8Array): number | undefined {
  if (bytes[0] !== DATA_TAG) return undefined;
  let length = 0;
  for (let at = 1, scale = 1; at < 6; at++, scale *= 0x80) {
    const byte = bytes[at];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80)
      return at + 1 + length === bytes.length ? at + 1 : undefined;
  }
  return undefined;
}
