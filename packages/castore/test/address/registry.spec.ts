import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GRPC_SCHEMES } from '../../src/address/grammar.ts';
import { localAddressOpener } from '../../src/address/local.ts';
import { openMemoryAddress } from '../../src/address/memory.ts';
import { createRegistry } from '../../src/address/registry.ts';
import type { AddressRegistry } from '../../src/address/registry.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import { CastoreError } from '../../src/errors.ts';
import {
  addCastoreServices,
  createGrpcServer,
  openGrpcAddress,
} from '../../src/grpc/index.ts';
import { MemoryBlobService, MemoryDirectoryService } from '../../src/index.ts';

const invalid = { code: 'castore/invalid-address' };

describe('AddressRegistry', () => {
  let folder: string;
  let registry: AddressRegistry;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'castore-address-'));
    registry = createRegistry().register('memory', openMemoryAddress);
    for (const scheme of GRPC_SCHEMES)
      registry.register(scheme, openGrpcAddress);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('knows nothing before it is told', async () => {
    await expect(createRegistry().open('memory:')).rejects.toMatchObject(
      invalid,
    );
  });

  it('opens a memory store of its own each time', async () => {
    const one = await registry.open('memory://');
    const other = await registry.open('memory:');
    const [digest] = await one.blobs!.putMany([new Uint8Array([0, 1])]);
    expect(await one.blobs!.has(digest!)).toBe(true);
    expect(await other.blobs!.has(digest!)).toBe(false);
  });

  it.each([
    'http://foo.example/test',
    'memory://foo',
    'nix+https://cache.nixos.org',
    'grpc+http://localhost/some-path',
    'grpc+unix://host.example/path/to/somewhere',
  ])('refuses %s', async (text) => {
    await expect(registry.open(text)).rejects.toMatchObject(invalid);
  });

  it.each([
    'grpc+unix:///path/to/somewhere',
    'grpc+unix:///path/to/somewhere?wait-connect=0',
    'grpc+http://[::1]:12345',
    'grpc+http://localhost',
    'grpc+https://localhost',
    'grpc+http://nonexist.invalid?wait-connect=0',
  ])('opens %s without touching the network', async (text) => {
    await (await registry.open(text)).close();
  });

  it.each([
    'grpc+unix:///path/to/somewhere?wait-connect=1',
    'grpc+http://nonexist.invalid?wait-connect=1',
  ])('fails to open %s', async (text) => {
    await expect(registry.open(text)).rejects.toMatchObject({
      code: 'castore/unavailable',
      retryable: true,
    });
  });

  it('connects at once to a server that is there, and asks it', async () => {
    const server = createGrpcServer();
    addCastoreServices(server, {
      blobs: new MemoryBlobService(),
      directories: new MemoryDirectoryService(),
    });
    const path = join(folder, 'a socket');
    await server.listen(`unix://${path}`);
    const opened = await registry.open(`grpc+unix:${path}?wait-connect=1`);
    try {
      expect(await opened.blobs!.has(hashBytes(new Uint8Array([9])))).toBe(
        false,
      );
    } finally {
      await opened.close();
      server.forceShutdown();
    }
  });

  it('opens local: in a temporary directory that goes with it', async () => {
    let used = '';
    registry.register(
      'local',
      localAddressOpener(async (path) => {
        used = path;
        return { close: async () => expect(existsSync(path)).toBe(true) };
      }),
    );
    const opened = await registry.open('local:');
    expect(existsSync(used)).toBe(true);
    await opened.close();
    expect(existsSync(used)).toBe(false);

    await (await registry.open(`local:${folder}`)).close();
    expect(used).toBe(folder);
    expect(existsSync(folder)).toBe(true);
  });

  it('removes the temporary directory of a store that fails to open', async () => {
    let used = '';
    registry.register(
      'local',
      localAddressOpener(async (path) => {
        used = path;
        throw new CastoreError('castore/io', 'no');
      }),
    );
    await expect(registry.open('local:')).rejects.toMatchObject({
      code: 'castore/io',
    });
    expect(existsSync(used)).toBe(false);
  });
});
