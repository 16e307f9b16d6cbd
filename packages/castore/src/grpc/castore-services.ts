import type { Server } from 'nice-grpc';
import type { BlobService } from '../blob-service/blob-service.ts';
import type { DirectoryService } from '../directory-service/directory-service.ts';
import { FastBlobBatchServiceDefinition } from './batch-codecs.ts';
import { BlobBatchServer } from './blob-batch-server.ts';
import { BlobServiceServer } from './blob-service-server.ts';
import {
  FastBlobServiceDefinition,
  FastDirectoryServiceDefinition,
} from './service-definitions.ts';
import { DirectoryServiceServer } from './directory-service-server.ts';
import type { ServerHooks } from './status.ts';

/** The services of this package, as a server offers them. */
export interface CastoreServices {
  readonly blobs: BlobService;
  readonly directories: DirectoryService;
}

/** Adds all gRPC services of this package to a server that doesn't listen yet. */
export function addCastoreServices(
  server: Pick<Server, 'add'>,
  { blobs, directories }: CastoreServices,
  hooks: ServerHooks = {},
): void {
  server.add(FastBlobServiceDefinition, new BlobServiceServer(blobs, hooks));
  server.add(FastBlobBatchServiceDefinition, new BlobBatchServer(blobs, hooks));
  server.add(
    FastDirectoryServiceDefinition,
    new DirectoryServiceServer(directories, hooks),
  );
}
