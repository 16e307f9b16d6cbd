/**
 * Codecs that stand in for generated ones where those would copy the payload or build an object for every field, and the
 * service definitions that use them, for servers and clients alike. On the wire nothing differs.
 */
import {
  BlobChunk as GeneratedBlobChunk,
  BlobServiceDefinition,
  DirectoryServiceDefinition,
} from '../proto/index.ts';

/** A codec in the shape that service definitions take. */
export interface Codec<Message> {
  encode(message: Message): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
}

/** A piece of a blob. */
export interface BlobChunk {
  /** After decoding, a view into the received message. */
  readonly data: Uint8Array;
  /** The whole message, where it was built encoded. */
  readonly encoded?: Uint8Array;
}

/** A directory as it stands on the wire: whoever receives it decodes it, and tells malformed bytes from a broken rule. */
export interface EncodedDirectory {
  readonly encoded: Uint8Array;
}

const DATA_TAG = 0x0a;

/** `BlobChunk`: decoding makes a view, encoding copies the payload once, behind its header. */
export const BlobChunk: Codec<BlobChunk> = {
  encode: ({ data, encoded }) => ({
    finish: () => handOver(encoded ?? encodeBlobChunk(data)),
  }),
  decode(bytes) {
    const start = payloadStart(bytes);
    return start === undefined
      ? GeneratedBlobChunk.decode(bytes)
      : { data: bytes.subarray(start) };
  },
};

/** `Directory`, left encoded. */
export const EncodedDirectory: Codec<EncodedDirectory> = {
  encode: ({ encoded }) => ({ finish: () => handOver(encoded) }),
  decode: (encoded) => ({ encoded }),
};

/** A type with some of its members replaced. */
export type Replace<T, Parts> = Omit<T, keyof Parts> & Parts;
type BlobMethods = typeof BlobServiceDefinition.methods;
type DirectoryMethods = typeof DirectoryServiceDefinition.methods;

/** `tvix.castore.v1.BlobService`. */
export const FastBlobServiceDefinition: Replace<
  typeof BlobServiceDefinition,
  {
    readonly methods: {
      readonly stat: BlobMethods['stat'];
      readonly read: Replace<
        BlobMethods['read'],
        { readonly responseType: Codec<BlobChunk> }
      >;
      readonly put: Replace<
        BlobMethods['put'],
        { readonly requestType: Codec<BlobChunk> }
      >;
    };
  }
> = {
  ...BlobServiceDefinition,
  methods: {
    stat: BlobServiceDefinition.methods.stat,
    read: { ...BlobServiceDefinition.methods.read, responseType: BlobChunk },
    put: { ...BlobServiceDefinition.methods.put, requestType: BlobChunk },
  },
};

/** `tvix.castore.v1.DirectoryService`. */
export const FastDirectoryServiceDefinition: Replace<
  typeof DirectoryServiceDefinition,
  {
    readonly methods: {
      readonly get: Replace<
        DirectoryMethods['get'],
        { readonly responseType: Codec<EncodedDirectory> }
      >;
      readonly put: Replace<
        DirectoryMethods['put'],
        { readonly requestType: Codec<EncodedDirectory> }
      >;
    };
  }
> = {
  ...DirectoryServiceDefinition,
  methods: {
    get: {
      ...DirectoryServiceDefinition.methods.get,
      responseType: EncodedDirectory,
    },
    put: {
      ...DirectoryServiceDefinition.methods.put,
      requestType: EncodedDirectory,
    },
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

/**
 * nice-grpc passes what an encoder returns through `Buffer.from`, which copies a `Uint8Array` but takes an `ArrayBuffer`
 * as it is: a message that fills its memory goes through as that.
 */
export function handOver(message: Uint8Array): Uint8Array {
  const { buffer } = message;
  return buffer.byteLength === message.length
    ? (buffer as unknown as Uint8Array)
    : message;
}
