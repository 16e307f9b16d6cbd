/** The messages of `tvix.castore.batch.v1` that carry contents, encoded with one copy of each payload, decoded to views. */
import { countPassingBytes } from '../heap/passing-buffers.ts';
import {
  BlobBatchServiceDefinition,
  GetBlobsResponse,
} from '../proto/gen/tvix/castore/batch/v1/rpc_blob_batch.ts';
import type {
  GetBlobsResponse_Entry,
  PutBlobsRequest,
} from '../proto/gen/tvix/castore/batch/v1/rpc_blob_batch.ts';
import { WireReader } from '../proto/wire-reader.ts';
import { handOver } from './codec.ts';
import type { Codec } from './codec.ts';
import type { Replace } from './service-definitions.ts';

/** A blob that is longer isn't batched, and as many bytes of contents one message carries. */
export const BATCH_BYTES: number = 1024 * 1024;

/** As many blobs one message carries, so that the answer to millions of empty ones stays small too. */
export const BATCH_BLOBS: number = 16 * 1024;

/** Field 1, length-delimited: the contents and the entries stand there. */
const FIELD_1 = 0x0a;
/** Field 2, a varint: `too_large`. */
const FIELD_2 = 0x10;

const FastPutBlobsRequest: Codec<PutBlobsRequest> = {
  encode: ({ blobs }) => ({
    finish() {
      let length = 0;
      for (const blob of blobs) length += fieldLength(blob.length);
      countPassingBytes(length);
      const message = Buffer.allocUnsafeSlow(length);
      let at = 0;
      for (const blob of blobs) {
        at = writeHeader(message, at, blob.length);
        message.set(blob, at);
        at += blob.length;
      }
      return handOver(message);
    },
  }),
  decode(bytes) {
    countPassingBytes(bytes.length);
    const { buffer, byteOffset, length } = bytes;
    const reader = new WireReader(new Uint8Array(buffer, byteOffset, length));
    const blobs: Uint8Array[] = [];
    // One that is too many is seen by whoever refuses them: a message has room for millions of empty ones.
    while (!reader.done && blobs.length <= BATCH_BLOBS) {
      const tag = reader.tag();
      if (tag === FIELD_1) blobs.push(reader.bytes());
      else reader.skip(tag);
    }
    return { blobs };
  },
};

const FastGetBlobsResponse: Codec<GetBlobsResponse> = {
  encode: ({ entries }) => ({
    finish() {
      let length = 0;
      for (const entry of entries) length += fieldLength(entryLength(entry));
      countPassingBytes(length);
      const message = Buffer.allocUnsafeSlow(length);
      let at = 0;
      for (const entry of entries) at = writeEntry(message, at, entry);
      return handOver(message);
    },
  }),
  decode(bytes) {
    countPassingBytes(bytes.length);
    return GetBlobsResponse.decode(bytes);
  },
};

type Methods = typeof BlobBatchServiceDefinition.methods;

/** `tvix.castore.batch.v1.BlobBatchService`. */
export const FastBlobBatchServiceDefinition: Replace<
  typeof BlobBatchServiceDefinition,
  {
    readonly methods: {
      readonly findMissing: Methods['findMissing'];
      readonly put: Replace<
        Methods['put'],
        { readonly requestType: Codec<PutBlobsRequest> }
      >;
      readonly get: Replace<
        Methods['get'],
        { readonly responseType: Codec<GetBlobsResponse> }
      >;
    };
  }
> = {
  ...BlobBatchServiceDefinition,
  methods: {
    findMissing: BlobBatchServiceDefinition.methods.findMissing,
    put: {
      ...BlobBatchServiceDefinition.methods.put,
      requestType: FastPutBlobsRequest,
    },
    get: {
      ...BlobBatchServiceDefinition.methods.get,
      responseType: FastGetBlobsResponse,
    },
  },
};

function entryLength({ content }: GetBlobsResponse_Entry): number {
  if (content === undefined) return 0;
  return content.$case === 'data' ? fieldLength(content.value.length) : 2;
}

function writeEntry(
  message: Uint8Array,
  at: number,
  entry: GetBlobsResponse_Entry,
): number {
  at = writeHeader(message, at, entryLength(entry));
  const { content } = entry;
  if (content === undefined) return at;
  if (content.$case === 'tooLarge') {
    message[at++] = FIELD_2;
    message[at++] = content.value ? 1 : 0;
    return at;
  }
  at = writeHeader(message, at, content.value.length);
  message.set(content.value, at);
  return at + content.value.length;
}

function fieldLength(length: number): number {
  let header = 2;
  for (let rest = length; rest >= 0x80; rest >>>= 7) header++;
  return header + length;
}

function writeHeader(message: Uint8Array, at: number, length: number): number {
  message[at++] = FIELD_1;
  for (; length >= 0x80; length >>>= 7) message[at++] = (length & 0x7f) | 0x80;
  message[at++] = length;
  return at;
}
