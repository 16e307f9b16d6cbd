"""Stores a file and reads it back knowing nothing beforehand: services, methods and messages all come by reflection.

usage: reflection_session.py GENERATED ADDRESS REFLECTION_SERVICE
"""

import base64
import sys

sys.path.insert(0, sys.argv[1])

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import reflection_pb2

channel = grpc.insecure_channel(sys.argv[2])
reflect = channel.stream_stream(
    f"/{sys.argv[3]}/ServerReflectionInfo",
    request_serializer=reflection_pb2.Request.SerializeToString,
    response_deserializer=reflection_pb2.Response.FromString,
)


def ask(**request):
    return next(reflect(iter([reflection_pb2.Request(**request)])))


services = sorted(s.name for s in ask(list_services="*").list_services_response.service)
print("services:", " ".join(services))
for name in (
    "tvix.castore.v1.BlobService",
    "tvix.castore.v1.DirectoryService",
    "tvix.store.v1.PathInfoService",
):
    assert name in services, f"{name} is not listed"

pool = descriptor_pool.DescriptorPool()
known = set()


def add(file):
    if file.name in known:
        return
    known.add(file.name)
    for dependency in file.dependency:
        answer = ask(file_by_filename=dependency).file_descriptor_response
        for data in answer.file_descriptor_proto:
            add(descriptor_pb2.FileDescriptorProto.FromString(data))
    pool.Add(file)


for name in services:
    if name.startswith("tvix."):
        for data in ask(file_containing_symbol=name).file_descriptor_response.file_descriptor_proto:
            add(descriptor_pb2.FileDescriptorProto.FromString(data))

factory = message_factory.MessageFactory(pool)


def method(service, name):
    found = pool.FindServiceByName(service).methods_by_name[name]
    request = factory.GetPrototype(found.input_type)
    response = factory.GetPrototype(found.output_type)
    return request, response, f"/{service}/{name}"


request, response, path = method("tvix.castore.v1.BlobService", "Put")
put = channel.stream_unary(
    path, request_serializer=request.SerializeToString, response_deserializer=response.FromString
)
digest = put(iter([request(data=b"x86_64-linux")])).digest
assert base64.b64encode(digest) == b"KOM3/IHEx7YfInAnlJpAElYezq0Sxn9fRz7xuClwNfA=", digest

request, response, path = method("tvix.castore.v1.BlobService", "Read")
read = channel.unary_stream(
    path, request_serializer=request.SerializeToString, response_deserializer=response.FromString
)
data = b"".join(chunk.data for chunk in read(request(digest=digest)))
assert base64.b64encode(data) == b"eDg2XzY0LWxpbnV4", data

print("ok")
