/** For whoever runs a server. */
export { addCastoreServices } from './castore-services.ts';
export type { CastoreServices } from './castore-services.ts';
export { createGrpcServer, grpcServerOptions } from './channel.ts';

/** For whoever talks to one. */
export { GrpcBlobService } from '../blob-service/grpc-client.ts';
export { GrpcDirectoryService } from '../directory-service/grpc-client.ts';
export { connectChannel, createGrpcChannel } from './channel.ts';
export type { GrpcEndpoint } from './channel.ts';

export { openGrpcAddress } from './open-address.ts';
export type { OpenedGrpcServices } from './open-address.ts';

/** For those who write gRPC services of their own beside these. */
export { FastBlobBatchServiceDefinition } from './batch-codecs.ts';
export { BlobBatchClient } from './blob-batch-client.ts';
export { BlobBatchServer } from './blob-batch-server.ts';
export { BlobServiceServer } from './blob-service-server.ts';
export { DirectoryServiceServer } from './directory-service-server.ts';
export { MAX_MESSAGE_BYTES } from './channel.ts';
export { BlobChunk } from './blob-chunk.ts';
export {
  EncodedDirectory,
  FastBlobServiceDefinition,
  FastDirectoryServiceDefinition,
} from './service-definitions.ts';
export { mapConcurrently } from './map-concurrently.ts';
export { OutgoingStream } from './outgoing-stream.ts';
export type { Codec } from './codec.ts';
export { ReadChunk } from './read-chunk.ts';
export type { Replace } from './service-definitions.ts';
export {
  failureToStatus,
  isStatus,
  notFound,
  statusToFailure,
} from './status.ts';
export type { FailureOptions, ServerHooks } from './status.ts';
