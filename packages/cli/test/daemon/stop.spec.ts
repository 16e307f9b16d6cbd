import { afterEach, describe, expect, it } from '@jest/globals';
import { MemoryBlobService } from '@tvix/castore';
import type { BlobWriter } from '@tvix/castore';
import { createGrpcChannel, GrpcBlobService } from '@tvix/castore/grpc';
import { createClient, Status } from 'nice-grpc';
import type { Channel } from 'nice-grpc';
import type { Daemon } from '../../src/daemon/daemon.ts';
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthDefinition,
} from '../../src/proto/gen/grpc/health/v1/health.ts';
import { ServerReflectionDefinition } from '../../src/proto/gen/grpc/reflection/v1/reflection.ts';
import type { ServerReflectionRequest } from '../../src/proto/gen/grpc/reflection/v1/reflection.ts';
import {
  endpointOf,
  memoryServices,
  startDaemon,
} from './in-process-daemon.ts';

let channel: Channel;
let daemon: Daemon;
let records: Record<string, unknown>[];

async function start(
  options: Parameters<typeof startDaemon>[1] = {},
): Promise<void> {
  ({ daemon, records } = await startDaemon(['127.0.0.1:0'], options));
  channel = createGrpcChannel(endpointOf(daemon.addresses[0]!));
}
afterEach(() => channel.close());

/** Blobs whose writers say when they are opened, and finish when they are told to. */
class HeldBlobs extends MemoryBlobService {
  readonly release = deferred();
  readonly opened = deferred();

  override openWrite(): BlobWriter {
    const writer = super.openWrite();
    this.opened.resolve();
    return {
      write: (chunk) => writer.write(chunk),
      abort: (reason) => writer.abort(reason),
      close: async () => {
        await this.release.promise;
        return writer.close();
      },
    };
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
}

function deferred(): Deferred {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe('a daemon that is told to stop', () => {
  it('lets a call that is under way finish', async () => {
    const blobs = new HeldBlobs();
    await start({ services: { ...memoryServices(), blobs } });
    const call = put(new GrpcBlobService(channel), 'contents');
    await blobs.opened.promise;
    const stopped = daemon.stop();
    blobs.release.resolve();
    expect((await call).toHex()).toHaveLength(64);
    expect(await stopped).toBe(true);
  });

  it('takes no new connections', async () => {
    await start();
    const address = daemon.addresses[0]!;
    await daemon.stop();
    const late = createGrpcChannel(endpointOf(address));
    await expect(put(new GrpcBlobService(late), '')).rejects.toMatchObject({
      code: 'castore/unavailable',
    });
    late.close();
  });

  it('cancels calls that are under way when it is told to end now', async () => {
    const blobs = new HeldBlobs();
    await start({ services: { ...memoryServices(), blobs } });
    const call = put(new GrpcBlobService(channel), 'contents');
    const failed = expect(call).rejects.toMatchObject({
      code: 'castore/unavailable',
    });
    await blobs.opened.promise;
    const hard = new AbortController();
    const stopped = daemon.stop(hard.signal);
    hard.abort();
    expect(await stopped).toBe(false);
    await failed;
    expect(records).toContainEqual(expect.objectContaining({ level: 'warn' }));
    blobs.release.resolve();
  });

  it('tells those who watch its health, and ends their streams', async () => {
    await start();
    const health = createClient(HealthDefinition, channel);
    const seen: ServingStatus[] = [];
    for await (const { status } of health.watch({ service: '' })) {
      seen.push(status);
      if (seen.length === 1) void daemon.stop();
    }
    expect(seen).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING]);
  });

  it('ends reflection streams that ask nothing more', async () => {
    await start();
    const reflection = createClient(ServerReflectionDefinition, channel);
    const never = new Promise<void>(() => {});
    async function* requests(): AsyncGenerator<ServerReflectionRequest> {
      yield {
        host: '',
        messageRequest: { $case: 'listServices', value: '' },
      };
      await never;
    }
    let answers = 0;
    let stopped: Promise<boolean> | undefined;
    for await (const answer of reflection.serverReflectionInfo(requests())) {
      if (answer.messageResponse !== undefined) answers++;
      stopped = daemon.stop();
    }
    expect(answers).toBe(1);
    expect(await stopped).toBe(true);
  });
});

describe('the health service', () => {
  it('answers SERVING for the server and each of its services', async () => {
    await start();
    const health = createClient(HealthDefinition, channel);
    for (const service of ['', 'tvix.castore.v1.BlobService'])
      expect(await health.check({ service })).toEqual({
        status: ServingStatus.SERVING,
      });
    await daemon.stop();
  });

  it('answers NOT_FOUND for a service that is not served', async () => {
    await start();
    const health = createClient(HealthDefinition, channel);
    await expect(health.check({ service: 'a.B' })).rejects.toMatchObject({
      code: Status.NOT_FOUND,
    });
    await daemon.stop();
  });

  it('tells watchers of a service that is not served that it is unknown', async () => {
    await start();
    const health = createClient(HealthDefinition, channel);
    for await (const { status } of health.watch({ service: 'a.B' })) {
      expect(status).toBe(ServingStatus.SERVICE_UNKNOWN);
      void daemon.stop();
    }
  });
});

describe('a request', () => {
  it('is logged at debug with its method, status and duration', async () => {
    await start();
    const health = createClient(HealthDefinition, channel);
    await health.check({ service: '' });
    await health.check({ service: 'a.B' }).catch(() => {});
    await daemon.stop();
    const requests = records.filter(({ msg }) => msg === 'request');
    expect(requests).toEqual(
      ['OK', 'NOT_FOUND'].map((status) =>
        expect.objectContaining({
          level: 'debug',
          method: '/grpc.health.v1.Health/Check',
          status,
          ms: expect.any(Number),
          peer: expect.stringContaining('127.0.0.1'),
        }),
      ),
    );
  });

  it('that fails for an unknown reason is answered without detail and logged in full', async () => {
    const blobs = new MemoryBlobService();
    blobs.openRead = async () => {
      throw new Error('secret', { cause: new RangeError('deeper') });
    };
    await start({ services: { ...memoryServices(), blobs } });
    const client = new GrpcBlobService(channel);
    const digest = await put(client, 'contents');
    const read = async (): Promise<void> => {
      const reader = await client.openRead(digest);
      for await (const chunk of reader!.read()) expect(chunk).toBeUndefined();
    };
    await expect(read()).rejects.toMatchObject({
      code: 'castore/remote',
      message: expect.not.stringContaining('secret'),
    });
    await daemon.stop();
    expect(records).toContainEqual(
      expect.objectContaining({
        level: 'error',
        err: expect.objectContaining({
          message: 'secret',
          stack: expect.any(String),
          cause: expect.objectContaining({ message: 'deeper' }),
        }),
      }),
    );
  });
});

async function put(
  blobs: GrpcBlobService,
  text: string,
): ReturnType<BlobWriter['close']> {
  const writer = blobs.openWrite();
  await writer.write(Buffer.from(text));
  return writer.close();
}
