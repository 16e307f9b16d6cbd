// One of the two servers, in a process of its own; tells its port to whoever started it.
import { MemoryBlobService, MemoryDirectoryService } from '@tvix/castore';
import { addCastoreServices, createGrpcServer } from '@tvix/castore/grpc';
import { plainServer } from './plain.mjs';

if (process.argv[2] === 'plain') {
  process.send(await plainServer());
} else {
  const server = createGrpcServer();
  addCastoreServices(server, {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
  });
  process.send(await server.listen('127.0.0.1:0'));
}
