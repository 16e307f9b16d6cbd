import { afterEach, describe, expect, it } from '@jest/globals';
import {
  B3Digest,
  MemoryBlobService,
  MemoryDirectoryService,
} from '@tvix/castore';
import type { FileNode } from '@tvix/castore';
import { nodeToProto } from '@tvix/castore/proto';
import { createClient, Status } from 'nice-grpc';
import { StoreError } from '../../src/errors.ts';
import { addStoreServices, GrpcPathInfoService } from '../../src/grpc/index.ts';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { MemoryPathInfoService } from '../../src/path-info-service/memory.ts';
import type { PathInfoService } from '../../src/path-info-service/path-info-service.ts';
import {
  NARInfo_CA_Hash,
  PathInfoServiceDefinition,
} from '../../src/proto/index.ts';
import type { PathInfoServiceClient } from '../../src/proto/index.ts';
import { StorePath } from '@tvix/nar';
import {
  DUMMY_NAME,
  DUMMY_OUTPUT_HASH,
  hex,
  storeTree,
  utf8,
} from '../fixtures.ts';
import { openLoopback } from '../loopback.ts';
import type { Loopback } from '../loopback.ts';
import { NARS } from '../nar/vectors.ts';

const open: Loopback[] = [];
afterEach(async () => {
  for (const loopback of open.splice(0)) await loopback[Symbol.asyncDispose]();
});

async function serve(pathInfos: PathInfoService = new MemoryPathInfoService()) {
  const storage = {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
  };
  const unexpected: unknown[] = [];
  const loopback = await openLoopback((server) =>
    addStoreServices(
      server,
      { pathInfos, narCalculation: new RenderingNarCalculation(storage) },
      { onUnexpectedError: (error) => unexpected.push(error) },
    ),
  );
  open.push(loopback);
  const raw: PathInfoServiceClient = createClient(
    PathInfoServiceDefinition,
    loopback.channel,
  );
  return {
    storage,
    pathInfos,
    unexpected,
    raw,
    client: new GrpcPathInfoService(loopback.channel),
  };
}

const EMPTY = new Uint8Array(0);
const DUMMY = PathInfo.createBare(StorePath.parse(DUMMY_NAME), {
  type: 'directory',
  digest: B3Digest.fromBytes(new Uint8Array(32)),
  size: 0n,
});

describe('PathInfoService over gRPC', () => {
  it('answers UNIMPLEMENTED to Get without anything to look up by', async () => {
    const { raw } = await serve();
    await expect(raw.get({})).rejects.toMatchObject({
      code: Status.UNIMPLEMENTED,
    });
  });

  it.each([0, 19, 21])(
    'answers INVALID_ARGUMENT to Get of %d bytes',
    async (length) => {
      const { raw } = await serve();
      const byWhat = {
        $case: 'byOutputHash',
        value: new Uint8Array(length),
      } as const;
      await expect(raw.get({ byWhat })).rejects.toMatchObject({
        code: Status.INVALID_ARGUMENT,
      });
    },
  );

  it('answers NOT_FOUND to Get of what is absent', async () => {
    const { raw } = await serve();
    const byWhat = { $case: 'byOutputHash', value: DUMMY_OUTPUT_HASH } as const;
    await expect(raw.get({ byWhat })).rejects.toMatchObject({
      code: Status.NOT_FOUND,
    });
  });

  it('answers DATA_LOSS to Get where the store is damaged, which a client does not take for absence', async () => {
    const damaged = new MemoryPathInfoService();
    damaged.get = () =>
      Promise.reject(new StoreError('store/corrupt-path-info', 'bytes rotted'));
    const { raw, client } = await serve(damaged);
    const byWhat = { $case: 'byOutputHash', value: DUMMY_OUTPUT_HASH } as const;
    await expect(raw.get({ byWhat })).rejects.toMatchObject({
      code: Status.DATA_LOSS,
      details: 'storage error: bytes rotted',
    });
    await expect(client.get(DUMMY_OUTPUT_HASH)).rejects.toMatchObject({
      code: 'castore/remote',
    });
  });

  it('tells a peer nothing of an unexpected error, and the owner everything', async () => {
    const broken = new MemoryPathInfoService();
    const bug = new TypeError('secret');
    broken.get = () => Promise.reject(bug);
    const { raw, unexpected } = await serve(broken);
    const byWhat = { $case: 'byOutputHash', value: DUMMY_OUTPUT_HASH } as const;
    await expect(raw.get({ byWhat })).rejects.toMatchObject({
      code: Status.UNKNOWN,
      details: 'unexpected error',
    });
    expect(unexpected).toEqual([bug]);
  });

  it('echoes what Put stored, and Get gives it back', async () => {
    const { raw, pathInfos } = await serve();
    expect(
      hex(PathInfo.fromMessage(await raw.put(DUMMY.toMessage())).encode()),
    ).toBe(hex(DUMMY.encode()));
    expect(hex((await pathInfos.get(DUMMY_OUTPUT_HASH))!.encode())).toBe(
      hex(DUMMY.encode()),
    );
  });

  it('answers INVALID_ARGUMENT to Put of an invalid path info, and stores nothing', async () => {
    const { raw, client } = await serve();
    const message = DUMMY.toMessage();
    await expect(
      raw.put({ ...message, node: undefined }),
    ).rejects.toMatchObject({ code: Status.INVALID_ARGUMENT });
    await expect(
      raw.put({ ...message, references: [EMPTY] }),
    ).rejects.toMatchObject({ code: Status.INVALID_ARGUMENT });
    await expect(
      raw.put({ ...message, narinfo: { narSha256: EMPTY } }),
    ).rejects.toMatchObject({ code: Status.INVALID_ARGUMENT });
    expect(await client.get(DUMMY_OUTPUT_HASH)).toBeUndefined();
  });

  it('answers INVALID_ARGUMENT to Put of more than 256 signatures', async () => {
    const { raw, client } = await serve();
    const put = (count: number) =>
      raw.put({
        ...DUMMY.toMessage(),
        narinfo: {
          narSize: 1n,
          narSha256: new Uint8Array(32),
          signatures: Array.from({ length: count }, (_, i) => ({
            name: `key-${i}`,
            data: new Uint8Array(64),
          })),
          referenceNames: [],
        },
      });
    await expect(put(257)).rejects.toMatchObject({
      code: Status.INVALID_ARGUMENT,
    });
    expect(await client.get(DUMMY_OUTPUT_HASH)).toBeUndefined();
    expect((await put(256)).narinfo?.signatures).toHaveLength(256);
  });

  it('keeps a content address type that it does not know', async () => {
    const { raw } = await serve();
    const narinfo = {
      narSize: 1n,
      narSha256: new Uint8Array(32),
      ca: { type: 77 as NARInfo_CA_Hash, digest: EMPTY },
    };
    const { node } = DUMMY.toMessage();
    expect((await raw.put({ node, narinfo })).narinfo?.ca?.type).toBe(77);
  });

  it('answers INTERNAL where a List fails, whatever the failure', async () => {
    const damaged = new MemoryPathInfoService();
    damaged.list = async function* () {
      yield DUMMY;
      throw new StoreError('store/corrupt-path-info', 'bytes rotted');
    };
    const { raw } = await serve(damaged);
    const list = raw.list({})[Symbol.asyncIterator]();
    expect((await list.next()).done).toBe(false);
    await expect(list.next()).rejects.toMatchObject({ code: Status.INTERNAL });
  });

  it('calculates a NAR whatever the name of the node', async () => {
    const { raw, storage } = await serve();
    const node = await storeTree('complicated', storage);
    for (const name of [EMPTY, utf8('a/b')]) {
      const { narSize, narSha256 } = await raw.calculateNAR(
        nodeToProto(node, name),
      );
      expect([Number(narSize), hex(narSha256)]).toEqual(NARS.complicated);
    }
  });

  it('answers INVALID_ARGUMENT to CalculateNAR of nothing', async () => {
    const { raw } = await serve();
    await expect(raw.calculateNAR({})).rejects.toMatchObject({
      code: Status.INVALID_ARGUMENT,
    });
  });

  it('answers NOT_FOUND to CalculateNAR where a blob or directory is missing, and its client says what that means', async () => {
    const { raw, client } = await serve();
    const digest = B3Digest.fromBytes(new Uint8Array(32));
    const file: FileNode = {
      type: 'file',
      digest,
      size: 1n,
      executable: false,
    };
    const directory = { type: 'directory', digest, size: 1n } as const;
    for (const node of [file, directory]) {
      await expect(
        raw.calculateNAR(nodeToProto(node, EMPTY)),
      ).rejects.toMatchObject({ code: Status.NOT_FOUND });
      await expect(client.calculateNar(node)).rejects.toMatchObject({
        code: 'store/incomplete-tree',
        kind: 'missing',
      });
    }
  });

  it('answers INTERNAL to CalculateNAR where the tree has no NAR', async () => {
    const { raw, storage } = await serve();
    const file = (await storeTree('helloWorld', storage)) as FileNode;
    const wrongSize = nodeToProto({ ...file, size: 42n }, EMPTY);
    await expect(raw.calculateNAR(wrongSize)).rejects.toMatchObject({
      code: Status.INTERNAL,
    });
    const wrongDigest = {
      node: { $case: 'file', value: { digest: Uint8Array.of(1) } },
    } as const;
    await expect(raw.calculateNAR(wrongDigest)).rejects.toMatchObject({
      code: Status.INTERNAL,
    });
  });
});

describe('GrpcPathInfoService', () => {
  it('calculates NARs at the server', async () => {
    const { client, storage } = await serve();
    const { narSize, narSha256 } = await client.calculateNar(
      await storeTree('blobB', storage),
    );
    expect([Number(narSize), hex(narSha256)]).toEqual(NARS.blobB);
  });

  it('refuses an answer that is invalid or belongs to another path', async () => {
    const other = PathInfo.createBare(
      StorePath.parse('11111111111111111111111111111111-x'),
      DUMMY.node,
    );
    const lying = new MemoryPathInfoService();
    lying.get = async () => other;
    lying.put = async () => other;
    const { client } = await serve(lying);
    await expect(client.get(DUMMY_OUTPUT_HASH)).rejects.toMatchObject({
      code: 'store/protocol',
    });
    await expect(client.put(DUMMY)).rejects.toMatchObject({
      code: 'store/protocol',
    });

    const invalid = new MemoryPathInfoService();
    const broken = {
      toMessage: () => ({ ...DUMMY.toMessage(), node: undefined }),
    } as PathInfo;
    invalid.get = async () => broken;
    invalid.list = async function* () {
      yield broken;
    };
    const second = await serve(invalid);
    const failure = {
      code: 'store/protocol',
      cause: { code: 'store/no-node' },
    };
    await expect(second.client.get(DUMMY_OUTPUT_HASH)).rejects.toMatchObject(
      failure,
    );
    await expect(
      second.client.list()[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject(failure);
  });

  it('fails where nobody listens, and does not take that for absence', async () => {
    const { client } = await serve();
    await open[0]!.sever();
    await expect(client.get(DUMMY_OUTPUT_HASH)).rejects.toMatchObject({
      code: 'castore/unavailable',
      retryable: true,
    });
  });
});
