import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGrpcChannel } from '@tvix/castore/grpc';
import { GrpcStoreCare } from '@tvix/store/grpc';
import { createClient } from 'nice-grpc';
import { localAddress } from '../../src/config.ts';
import {
  isAdministered,
  parseAdminReach,
} from '../../src/daemon/admin-reach.ts';
import type { AdminReach } from '../../src/daemon/admin-reach.ts';
import { parseListenAddress } from '../../src/daemon/listen-address.ts';
import { ServerReflectionDefinition } from '../../src/proto/gen/grpc/reflection/v1/reflection.ts';
import { openStore } from '../../src/services.ts';
import type { OpenStore } from '../../src/services.ts';
import { endpointOf, startDaemon } from './in-process-daemon.ts';

const REACHES: readonly AdminReach[] = ['none', 'unix', 'local', 'all'];

describe('where a store may be administered', () => {
  it.each([
    ['/run/socket', 'unix'],
    ['stdio', 'unix'],
    ['sd-listen-unix', 'unix'],
    ['@name', 'local'],
    ['127.0.0.1:8000', 'local'],
    ['[::1]:8000', 'local'],
    ['0.0.0.0:8000', 'all'],
    ['192.0.2.1:8000', 'all'],
    ['[::]:8000', 'all'],
    ['sd-listen', 'all'],
  ])('%s takes "%s"', (address, least) => {
    const listen = parseListenAddress(address);
    expect(REACHES.filter((reach) => isAdministered(listen, reach))).toEqual(
      REACHES.slice(REACHES.indexOf(least as AdminReach)),
    );
  });

  it('is one of four', () => {
    expect(REACHES.map(parseAdminReach)).toEqual(REACHES);
    expect(() => parseAdminReach('everywhere')).toThrow(
      expect.objectContaining({ code: 'cli/usage' }),
    );
  });
});

describe('a daemon', () => {
  let folder: string;
  let store: OpenStore;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cli-admin-'));
    const local = localAddress(join(folder, 'store'));
    store = await openStore({
      blobs: local,
      directories: local,
      pathInfos: local,
    });
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  /** Whether an address lets its store be administered, and whether reflection says so. */
  async function look(address: string): Promise<[string, boolean]> {
    const channel = createGrpcChannel(endpointOf(address));
    try {
      const told = await new GrpcStoreCare(channel).stats().then(
        () => 'counted',
        (error: unknown) => String((error as { code?: unknown }).code),
      );
      const reflection = createClient(ServerReflectionDefinition, channel);
      const names: string[] = [];
      async function* ask() {
        yield {
          host: '',
          messageRequest: { $case: 'listServices', value: '' } as const,
        };
      }
      for await (const { messageResponse } of reflection.serverReflectionInfo(
        ask(),
      ))
        if (messageResponse?.$case === 'listServicesResponse')
          names.push(...messageResponse.value.service.map(({ name }) => name));
      return [told, names.includes('tvix.store.admin.v1.StoreAdminService')];
    } finally {
      channel.close();
    }
  }

  it('lets its store be administered where it may be, and nowhere else', async () => {
    const socket = join(folder, 'socket');
    const { daemon, records } = await startDaemon([socket, '127.0.0.1:0'], {
      services: store,
      admin: { care: store.care!, reach: 'unix' },
    });
    try {
      const [unix = '', tcp = ''] = daemon.addresses;
      expect(await look(unix)).toEqual(['counted', true]);
      expect(await look(tcp)).toEqual(['store/no-admin', false]);
      const listening = records.filter(({ msg }) => msg === 'listening');
      expect(listening.map(({ admin }) => admin)).toEqual([true, false]);
    } finally {
      await daemon.stop();
    }
  });

  it('has no such service where nothing can be administered', async () => {
    const { daemon } = await startDaemon(['127.0.0.1:0']);
    try {
      const [tcp = ''] = daemon.addresses;
      expect(await look(tcp)).toEqual(['store/no-admin', false]);
    } finally {
      await daemon.stop();
    }
  });

  it('warns where anybody may delete', async () => {
    const { daemon, records } = await startDaemon(['0.0.0.0:0'], {
      services: store,
      admin: { care: store.care!, reach: 'all' },
    });
    await daemon.stop();
    expect(records).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        msg: 'anybody who reaches this address can delete what the store holds',
      }),
    );
  });
});
