/** The wire: generated messages and service definitions of `tvix.castore.v1`, and what turns them into values. */
export {
  Directory,
  DirectoryNode,
  FileNode,
  Node,
  SymlinkNode,
} from './gen/tvix/castore/v1/castore.ts';
export {
  BlobChunk,
  BlobServiceDefinition,
  PutBlobResponse,
  ReadBlobRequest,
  StatBlobRequest,
  StatBlobResponse,
  StatBlobResponse_ChunkMeta,
} from './gen/tvix/castore/v1/rpc_blobstore.ts';
export {
  DirectoryServiceDefinition,
  GetDirectoryRequest,
  PutDirectoryResponse,
} from './gen/tvix/castore/v1/rpc_directory.ts';
export { namedNodeFromProto, nodeFromProto, nodeToProto } from './convert.ts';
export { decodeDirectory, encodeDirectory } from './directory-codec.ts';
