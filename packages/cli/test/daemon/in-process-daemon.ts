import { GrpcBlobService, createGrpcChannel } from '@tvix/castore/grpc';
import type { GrpcEndpoint } from '@tvix/castore/grpc';
import {
  B3Digest,
  MemoryBlobService,
  MemoryDirectoryService,
} from '@tvix/castore';
import { MemoryPathInfoService, RenderingNarCalculation } from '@tvix/store';
import { Daemon } from '../../src/daemon/daemon.ts';
import type { DaemonOptions } from '../../src/daemon/daemon.ts';
import { parseListenAddress } from '../../src/daemon/listen-address.ts';
import { createLogger } from '../../src/logging.ts';

/** The services of a store that lives as long as the test. */
export function memoryServices(): DaemonOptions['services'] {
  const blobs = new MemoryBlobService();
  const directories = new MemoryDirectoryService();
  return {
    blobs,
    directories,
    pathInfos: new MemoryPathInfoService(),
    narCalculation: new RenderingNarCalculation({ blobs, directories }),
  };
}

/** A daemon over memory, with its log records. */
export async function startDaemon(
  listen: readonly string[],
  options: Partial<DaemonOptions> = {},
): Promise<{ daemon: Daemon; records: Record<string, unknown>[] }> {
  const records: Record<string, unknown>[] = [];
  const logger = createLogger({
    level: 'debug',
    json: true,
    colours: false,
    write: (line) => void records.push(JSON.parse(line)),
  });
  const daemon = await Daemon.start({
    services: memoryServices(),
    listen: listen.map(parseListenAddress),
    env: {},
    logger,
    ...options,
  });
  return { daemon, records };
}

/** The endpoint of a listen address. */
export function endpointOf(address: string): GrpcEndpoint {
  const parsed = parseListenAddress(address);
  switch (parsed.type) {
    case 'tcp':
      return {
        type: 'tcp',
        host: parsed.host.includes(':') ? `[${parsed.host}]` : parsed.host,
        port: parsed.port,
        tls: false,
      };
    case 'unix':
      return { type: 'unix', path: parsed.path };
    default:
      throw new Error(`no endpoint for ${address}`);
  }
}

/** Puts a blob of some size through a daemon and gets it back. */
export async function roundTrip(
  endpoint: GrpcEndpoint,
  bytes: Uint8Array,
): Promise<{ digest: B3Digest; found: Uint8Array }> {
  const channel = createGrpcChannel(endpoint);
  try {
    const blobs = new GrpcBlobService(channel);
    const writer = blobs.openWrite();
    await writer.write(bytes);
    const digest = await writer.close();
    const [found] = await blobs.getMany([digest]);
    return { digest, found: found ?? new Uint8Array() };
  } finally {
    channel.close();
  }
}
