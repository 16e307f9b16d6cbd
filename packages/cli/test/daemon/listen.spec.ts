import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from './duplex-pair.ts';
import { hasIpv6Loopback } from '../../src/config.ts';
import type { Daemon } from '../../src/daemon/daemon.ts';
import { RpcServer } from '../../src/daemon/rpc-server.ts';
import { HealthService } from '../../src/daemon/health.ts';
import { HealthDefinition } from '../../src/proto/gen/grpc/health/v1/health.ts';
import { endpointOf, roundTrip, startDaemon } from './in-process-daemon.ts';
import { leaveStaleSocket } from './leave-stale-socket.ts';
import { RawClient } from './raw-call.ts';

const CHECK = '/grpc.health.v1.Health/Check';
const SERVING = Buffer.from([0x08, 0x01]);

let folder: string;
let daemon: Daemon | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tvix-listen-'));
  daemon = undefined;
});
afterEach(async () => {
  await daemon?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function serves(address: string): Promise<void> {
  const bytes = new Uint8Array(3 * 1024 * 1024).fill(7);
  const { found } = await roundTrip(endpointOf(address), bytes);
  expect(Buffer.compare(found, bytes)).toBe(0);
}

describe('a daemon', () => {
  it('serves on an IPv4 address, and tells the port it was given', async () => {
    ({ daemon } = await startDaemon(['127.0.0.1:0']));
    expect(daemon.addresses).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:[1-9]\d+$/),
    ]);
    await serves(daemon.addresses[0]!);
  });

  if (hasIpv6Loopback())
    it('serves on an IPv6 address', async () => {
      ({ daemon } = await startDaemon(['[::1]:0']));
      expect(daemon.addresses[0]).toMatch(/^\[::1\]:[1-9]\d+$/);
      await serves(daemon.addresses[0]!);
    });

  it('serves on a unix socket, and removes its file at the end', async () => {
    const path = join(folder, 'socket');
    ({ daemon } = await startDaemon([path]));
    await serves(path);
    await daemon.stop();
    expect(existsSync(path)).toBe(false);
  });

  it('serves on an abstract unix socket', async () => {
    const name = `tvix-test-${process.pid}`;
    ({ daemon } = await startDaemon([`@${name}`]));
    expect(daemon.addresses).toEqual([`@${name}`]);
    const connection = createConnection(`\0${name}`);
    const client = new RawClient(connection);
    expect(await client.call(CHECK, [Buffer.alloc(0)])).toEqual({
      messages: [SERVING],
      status: 0,
    });
    client.close();
  });

  it('serves on several addresses at once', async () => {
    const path = join(folder, 'socket');
    ({ daemon } = await startDaemon(['127.0.0.1:0', path]));
    for (const address of daemon.addresses) await serves(address);
  });

  it('serves on any duplex stream', async () => {
    const rpc = new RpcServer({});
    const stopping = new AbortController();
    rpc.add(
      HealthDefinition,
      new HealthService(() => rpc.services, stopping.signal),
    );
    const [ours, theirs] = duplexPair();
    rpc.serve(theirs);
    const client = new RawClient(ours);
    expect(await client.call(CHECK, [Buffer.alloc(0)])).toEqual({
      messages: [SERVING],
      status: 0,
    });
    client.close();
    await rpc.stop();
  });

  it('says that it listens', async () => {
    const started = await startDaemon(['127.0.0.1:0']);
    daemon = started.daemon;
    expect(started.records).toContainEqual(
      expect.objectContaining({
        level: 'info',
        msg: 'listening',
        address: daemon.addresses[0],
      }),
    );
  });

  it('warns where more than this machine may connect', async () => {
    const started = await startDaemon(['0.0.0.0:0']);
    daemon = started.daemon;
    expect(started.records).toContainEqual(
      expect.objectContaining({ level: 'warn', address: '0.0.0.0:0' }),
    );
  });

  it('refuses a port that is in use', async () => {
    ({ daemon } = await startDaemon(['127.0.0.1:0']));
    await expect(startDaemon([daemon.addresses[0]!])).rejects.toMatchObject({
      code: 'cli/address-in-use',
    });
  });

  it('opens no listener where one of them fails', async () => {
    ({ daemon } = await startDaemon(['127.0.0.1:0']));
    const path = join(folder, 'socket');
    await expect(
      startDaemon([path, daemon.addresses[0]!]),
    ).rejects.toMatchObject({ code: 'cli/address-in-use' });
    expect(existsSync(path)).toBe(false);
  });

  it('replaces the socket file of a daemon that is gone', async () => {
    const path = join(folder, 'socket');
    leaveStaleSocket(path);
    ({ daemon } = await startDaemon([path]));
    await serves(path);
  });

  it('refuses the path of a socket on which somebody answers', async () => {
    const path = join(folder, 'socket');
    const other = createServer().listen(path);
    await once(other, 'listening');
    await expect(startDaemon([path])).rejects.toMatchObject({
      code: 'cli/address-in-use',
    });
    other.close();
  });

  it('refuses a path where a file stands, and leaves the file alone', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'precious');
    await expect(startDaemon([path])).rejects.toMatchObject({
      code: 'cli/address-in-use',
    });
    expect(existsSync(path)).toBe(true);
  });

  it('refuses a directory that does not exist', async () => {
    await expect(
      startDaemon([join(folder, 'missing/socket')]),
    ).rejects.toMatchObject({ code: 'cli/cannot-listen' });
  });

  it('refuses two addresses that both mean standard input', async () => {
    await expect(startDaemon(['stdio', '-'])).rejects.toMatchObject({
      code: 'cli/usage',
    });
  });
});
