import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createGrpcChannel } from '@tvix/castore/grpc';
import { createClient } from 'nice-grpc';
import type { Channel } from 'nice-grpc';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';
import { Status } from 'nice-grpc';
import type { Daemon } from '../../src/daemon/daemon.ts';
import { ServerReflectionDefinition as V1 } from '../../src/proto/gen/grpc/reflection/v1/reflection.ts';
import type {
  ServerReflectionRequest,
  ServerReflectionResponse,
} from '../../src/proto/gen/grpc/reflection/v1/reflection.ts';
import { ServerReflectionDefinition as V1Alpha } from '../../src/proto/gen/grpc/reflection/v1alpha/reflection.ts';
import { endpointOf, startDaemon } from './in-process-daemon.ts';

type Question = NonNullable<ServerReflectionRequest['messageRequest']>;

const FILES = {
  'tvix/castore/protos/castore.proto': 'tvix.castore.v1.Directory',
  'tvix/castore/protos/rpc_blobstore.proto': 'tvix.castore.v1.BlobService',
  'tvix/castore/protos/rpc_directory.proto': 'tvix.castore.v1.DirectoryService',
  'tvix/store/protos/pathinfo.proto': 'tvix.store.v1.PathInfo',
  'tvix/store/protos/rpc_pathinfo.proto': 'tvix.store.v1.PathInfoService',
  'grpc/reflection/v1/reflection.proto': 'grpc.reflection.v1.ServerReflection',
  'grpc/reflection/v1alpha/reflection.proto':
    'grpc.reflection.v1alpha.ServerReflection',
  'grpc/health/v1/health.proto': 'grpc.health.v1.Health',
};

function listedServices(
  answer: ServerReflectionResponse | undefined,
): string[] {
  const response = answer?.messageResponse;
  if (response?.$case !== 'listServicesResponse')
    throw new Error(`not a list: ${response?.$case}`);
  return response.value.service.map(({ name }) => name);
}

let daemon: Daemon;
let channel: Channel;
beforeAll(async () => {
  ({ daemon } = await startDaemon(['127.0.0.1:0']));
  channel = createGrpcChannel(endpointOf(daemon.addresses[0]!));
});
afterAll(async () => {
  channel.close();
  await daemon.stop();
});

for (const [version, definition] of [
  ['v1', V1],
  ['v1alpha', V1Alpha],
] as const) {
  /** The answers to questions asked on one stream. */
  async function ask(
    ...questions: (Question | undefined)[]
  ): Promise<ServerReflectionResponse[]> {
    const client = createClient(definition, channel);
    async function* requests(): AsyncGenerator<ServerReflectionRequest> {
      for (const messageRequest of questions)
        yield { host: 'some.host', messageRequest };
    }
    const answers: ServerReflectionResponse[] = [];
    for await (const answer of client.serverReflectionInfo(requests()))
      answers.push(answer);
    return answers;
  }

  async function file(
    question: Question,
  ): Promise<descriptor.IFileDescriptorProto> {
    const [answer] = await ask(question);
    const response = answer?.messageResponse;
    if (response?.$case !== 'fileDescriptorResponse')
      throw new Error(`not a file: ${response?.$case}`);
    expect(response.value.fileDescriptorProto).toHaveLength(1);
    return descriptor.FileDescriptorProto.decode(
      response.value.fileDescriptorProto[0]!,
    ) as descriptor.IFileDescriptorProto;
  }

  describe(`reflection ${version}`, () => {
    it('lists the services that are served', async () => {
      const [answer] = await ask({ $case: 'listServices', value: '*' });
      const names = listedServices(answer);
      expect(names).toEqual(
        expect.arrayContaining([
          'tvix.castore.v1.BlobService',
          'tvix.castore.v1.DirectoryService',
          'tvix.store.v1.PathInfoService',
          'grpc.reflection.v1.ServerReflection',
          'grpc.reflection.v1alpha.ServerReflection',
          'grpc.health.v1.Health',
        ]),
      );
    });

    it('describes every service that it lists', async () => {
      const [answer] = await ask({ $case: 'listServices', value: '' });
      for (const name of listedServices(answer)) {
        const { package: scope, service: declared } = await file({
          $case: 'fileContainingSymbol',
          value: name,
        });
        expect(declared?.map((s) => `${scope}.${s.name}`)).toContain(name);
      }
    });

    it.each(Object.entries(FILES))(
      'serves the file %s, by its name and by %s',
      async (name, symbol) => {
        const byName = await file({ $case: 'fileByFilename', value: name });
        expect(byName.name).toBe(name);
        expect(
          await file({ $case: 'fileContainingSymbol', value: symbol }),
        ).toEqual(byName);
      },
    );

    it.each([
      ['a method', 'tvix.castore.v1.BlobService.Put'],
      ['a message', 'tvix.castore.v1.BlobChunk'],
      ['a nested message', 'tvix.castore.v1.StatBlobResponse.ChunkMeta'],
      ['a field', 'tvix.castore.v1.BlobChunk.data'],
      ['a field in a oneof', 'tvix.castore.v1.Node.directory'],
      ['a oneof', 'tvix.castore.v1.Node.node'],
      ['an enum', 'tvix.store.v1.NARInfo.CA.Hash'],
      ['an enum value', 'tvix.store.v1.NARInfo.CA.Hash.NAR_SHA256'],
      ['an enum value beside its enum', 'tvix.store.v1.NARInfo.CA.NAR_SHA256'],
    ])('finds %s by its symbol', async (_what, symbol) => {
      const { package: scope } = await file({
        $case: 'fileContainingSymbol',
        value: symbol,
      });
      expect(symbol.startsWith(`${scope}.`)).toBe(true);
    });

    it('serves files that a client can build all types from', async () => {
      const files = await Promise.all(
        Object.keys(FILES).map((value) =>
          file({ $case: 'fileByFilename', value }),
        ),
      );
      const root = (
        protobuf.Root as unknown as {
          fromDescriptor(set: object): protobuf.Root;
        }
      ).fromDescriptor(descriptor.FileDescriptorSet.create({ file: files }));
      root.resolveAll();
      const { requestType, responseType, requestStream } = root.lookupService(
        'tvix.store.v1.PathInfoService',
      ).methods['CalculateNAR']!;
      expect({ requestType, responseType, requestStream }).toEqual({
        requestType: '.tvix.castore.v1.Node',
        responseType: '.tvix.store.v1.CalculateNARResponse',
        requestStream: undefined,
      });
    });

    it('answers several questions on one stream, each with its request and host', async () => {
      const questions: Question[] = [
        { $case: 'listServices', value: '' },
        { $case: 'fileByFilename', value: 'grpc/health/v1/health.proto' },
      ];
      const answers = await ask(...questions);
      expect(answers.map(({ validHost }) => validHost)).toEqual([
        'some.host',
        'some.host',
      ]);
      expect(answers.map(({ originalRequest }) => originalRequest)).toEqual(
        questions.map((messageRequest) => ({
          host: 'some.host',
          messageRequest,
        })),
      );
    });

    it('answers a question for extension numbers with an empty success', async () => {
      const [answer] = await ask({
        $case: 'allExtensionNumbersOfType',
        value: 'tvix.castore.v1.Node',
      });
      expect(answer?.messageResponse).toEqual({
        $case: 'allExtensionNumbersResponse',
        value: { baseTypeName: '', extensionNumber: [] },
      });
    });

    it.each<[string, Question]>([
      ['an unknown file', { $case: 'fileByFilename', value: 'nope.proto' }],
      [
        'a file named like a property',
        { $case: 'fileByFilename', value: 'constructor' },
      ],
      ['an unknown symbol', { $case: 'fileContainingSymbol', value: 'a.B' }],
      [
        'a package',
        { $case: 'fileContainingSymbol', value: 'tvix.castore.v1' },
      ],
      [
        'a symbol named like a property',
        { $case: 'fileContainingSymbol', value: 'toString' },
      ],
      [
        'an extension',
        {
          $case: 'fileContainingExtension',
          value: { containingType: 'tvix.castore.v1.Node', extensionNumber: 1 },
        },
      ],
    ])('ends the stream with NOT_FOUND for %s', async (_what, question) => {
      await expect(ask(question)).rejects.toMatchObject({
        code: Status.NOT_FOUND,
      });
    });

    it('ends the stream with INVALID_ARGUMENT for a request that asks for nothing', async () => {
      await expect(ask(undefined)).rejects.toMatchObject({
        code: Status.INVALID_ARGUMENT,
      });
    });
  });
}
