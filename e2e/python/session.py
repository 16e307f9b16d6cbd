"""Every call of the three services through Python's gRPC, with code that protoc made from protos/.

usage: session.py GENERATED ADDRESS [chunked]
"""

import hashlib
import os
import sys

sys.path.insert(0, sys.argv[1])

import grpc

from tvix.castore.v1 import castore_pb2, rpc_blobstore_pb2, rpc_blobstore_pb2_grpc
from tvix.castore.v1 import rpc_directory_pb2, rpc_directory_pb2_grpc
from tvix.store.v1 import pathinfo_pb2, rpc_pathinfo_pb2, rpc_pathinfo_pb2_grpc

channel = grpc.insecure_channel(sys.argv[2])
blobs = rpc_blobstore_pb2_grpc.BlobServiceStub(channel)
directories = rpc_directory_pb2_grpc.DirectoryServiceStub(channel)
path_infos = rpc_pathinfo_pb2_grpc.PathInfoServiceStub(channel)

HELLO = bytes.fromhex("5ca7815adcb484e9a136c11efe69c1d530176d549b5d18d038eb5280b4b3470c")
EMPTY = bytes.fromhex("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262")
WITH_KEEP = bytes.fromhex("8b5b5d642b646bb8ed504b0862c39413e87e57491497de7bd075953f7b83810e")
COMPLICATED = bytes.fromhex("3f951a15afd586fb3121ef4d13d582e811ce0e5a7f21c0497fd87490e9e2355a")


def refused(call, code):
    try:
        result = call()
        if hasattr(result, "__next__"):
            list(result)
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()} instead of {code}: {error.details()}"
        return
    raise AssertionError(f"went through instead of {code}")


def put(*pieces):
    return blobs.Put(iter(rpc_blobstore_pb2.BlobChunk(data=p) for p in pieces)).digest


def read(digest):
    return b"".join(c.data for c in blobs.Read(rpc_blobstore_pb2.ReadBlobRequest(digest=digest)))


# Blobs.
stat = lambda digest, **flags: blobs.Stat(rpc_blobstore_pb2.StatBlobRequest(digest=digest, **flags))
refused(lambda: stat(HELLO), grpc.StatusCode.NOT_FOUND)
refused(lambda: blobs.Read(rpc_blobstore_pb2.ReadBlobRequest(digest=HELLO)), grpc.StatusCode.NOT_FOUND)
refused(lambda: stat(b"\0\x42"), grpc.StatusCode.INVALID_ARGUMENT)
refused(lambda: blobs.Read(rpc_blobstore_pb2.ReadBlobRequest(digest=b"")), grpc.StatusCode.INVALID_ARGUMENT)
assert put(b"Hello ", b"", b"World!") == HELLO
assert put(b"Hello World!") == HELLO
stat(HELLO)
assert read(HELLO) == b"Hello World!"
assert put() == EMPTY
assert read(EMPTY) == b""

# A large one: its chunks are named, and each can be read by itself.
large = os.urandom(5_000_000)
digest = put(*(large[at : at + 1_000_000] for at in range(0, len(large), 1_000_000)))
assert read(digest) == large
chunks = stat(digest, send_chunks=True).chunks
assert sum(c.size for c in chunks) == len(large)
assert len(chunks) > 1 or "chunked" not in sys.argv
assert b"".join(read(c.digest) for c in chunks) == large

# Directories.
keep = castore_pb2.Directory(files=[castore_pb2.FileNode(name=b".keep", digest=EMPTY)])
complicated = castore_pb2.Directory(
    directories=[castore_pb2.DirectoryNode(name=b"keep", digest=WITH_KEEP, size=1)],
    files=[castore_pb2.FileNode(name=b".keep", digest=EMPTY)],
    symlinks=[castore_pb2.SymlinkNode(name=b"aa", target=b"/nix/store/somewhereelse")],
)
get = lambda digest, recursive=False: list(
    directories.Get(rpc_directory_pb2.GetDirectoryRequest(digest=digest, recursive=recursive))
)
refused(lambda: get(COMPLICATED), grpc.StatusCode.NOT_FOUND)
refused(lambda: get(COMPLICATED, True), grpc.StatusCode.INTERNAL)
refused(lambda: get(b"short"), grpc.StatusCode.INVALID_ARGUMENT)
refused(lambda: list(directories.Get(rpc_directory_pb2.GetDirectoryRequest())), grpc.StatusCode.INVALID_ARGUMENT)
refused(lambda: directories.Put(iter([])), grpc.StatusCode.INVALID_ARGUMENT)
refused(lambda: directories.Put(iter([complicated])), grpc.StatusCode.INVALID_ARGUMENT)
wrong = castore_pb2.Directory(directories=[castore_pb2.DirectoryNode(name=b"k", digest=WITH_KEEP, size=42)])
refused(lambda: directories.Put(iter([keep, wrong])), grpc.StatusCode.INVALID_ARGUMENT)
unsorted = castore_pb2.Directory(symlinks=[castore_pb2.SymlinkNode(name=n, target=b"t") for n in (b"b", b"a")])
refused(lambda: directories.Put(iter([unsorted])), grpc.StatusCode.INVALID_ARGUMENT)
assert directories.Put(iter([keep, complicated])).root_digest == COMPLICATED
assert get(COMPLICATED) == [complicated]
assert get(COMPLICATED, True) == [complicated, keep]

# The NAR of what was put.
root = castore_pb2.Node(directory=castore_pb2.DirectoryNode(name=b"", digest=COMPLICATED, size=4))
nar = path_infos.CalculateNAR(root)
assert nar.nar_size == 840
assert nar.nar_sha256.hex() == "ebd52279a8df024c9fd5718de4103bf5e760dc7f2cf49044ee7dea87ab16911a"
missing = castore_pb2.Node(file=castore_pb2.FileNode(name=b"", digest=b"\1" * 32, size=1))
refused(lambda: path_infos.CalculateNAR(missing), grpc.StatusCode.NOT_FOUND)
refused(lambda: path_infos.CalculateNAR(castore_pb2.Node()), grpc.StatusCode.INVALID_ARGUMENT)

# Path infos.
by_hash = lambda digest: path_infos.Get(rpc_pathinfo_pb2.GetPathInfoRequest(by_output_hash=digest))
refused(lambda: by_hash(b"\0" * 20), grpc.StatusCode.NOT_FOUND)
refused(lambda: by_hash(b"\0" * 19), grpc.StatusCode.INVALID_ARGUMENT)
refused(lambda: path_infos.Get(rpc_pathinfo_pb2.GetPathInfoRequest()), grpc.StatusCode.UNIMPLEMENTED)
name = b"00000000000000000000000000000000-complicated"
info = pathinfo_pb2.PathInfo(
    node=castore_pb2.Node(directory=castore_pb2.DirectoryNode(name=name, digest=COMPLICATED, size=4)),
    narinfo=pathinfo_pb2.NARInfo(nar_size=nar.nar_size, nar_sha256=nar.nar_sha256),
)
assert path_infos.Put(info) == info
assert by_hash(b"\0" * 20) == info
assert list(path_infos.List(rpc_pathinfo_pb2.ListPathInfoRequest())) == [info]
info.narinfo.nar_sha256 = b"\xbe\xef"
refused(lambda: path_infos.Put(info), grpc.StatusCode.INVALID_ARGUMENT)

# A message over the limit of 4 MiB is refused, and the connection lives on.
try:
    put(bytes(4 * 1024 * 1024 + 1))
    raise AssertionError("a message over the limit went through")
except grpc.RpcError as error:
    assert error.code() in (grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.RESOURCE_EXHAUSTED), error.code()
assert read(HELLO) == b"Hello World!"

print("ok")
