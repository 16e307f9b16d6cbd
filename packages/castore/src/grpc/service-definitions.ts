/**
 * The service definitions, for servers and clients alike, with codecs that stand in for generated ones where those would
 * copy the payload or build an object for every field. On the wire nothing differs.
 */
import {
  BlobServiceDefinition,
  DirectoryServiceDefinition,
} from '../proto/index.ts';
import { BlobChunk } from './blob-chunk.ts';
import { handOver } from './codec.ts';
import type { Codec } from './codec.ts';
import { ReadChunk } from './read-chunk.ts';

/** A directory as it stands on the wire: whoever receives it decodes it, and tells malformed bytes from a broken rule. */
export interface EncodedDirectory {
  readonly encoded: Uint8Array;
}

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
        { readonly responseType: Codec<ReadChunk> }
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
    read: { ...BlobServiceDefinition.methods.read, responseType: ReadChunk },
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
