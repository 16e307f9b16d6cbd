import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { AddressRegistry, GRPC_SCHEMES } from '@tvix/castore';
import { addCastoreServices } from '@tvix/castore/grpc';
import { localStoreAddressOpener } from '../../src/address/local.ts';
import { openMemoryStoreAddress } from '../../src/address/memory.ts';
import type { OpenedStoreServices } from '../../src/address/opened-store.ts';
import {
  addStoreServices,
  openGrpcStoreAddress,
} from '../../src/grpc/index.ts';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import {
  fullPathInfo,
  outputHash,
} from '../../src/conformance/path-info-fixtures.ts';
import type { Store } from '../../src/store.ts';
import { storeTree } from '../fixtures.ts';
import { openLoopback } from '../loopback.ts';

const registry = new AddressRegistry<OpenedStoreServices>()
  .register('memory', openMemoryStoreAddress)
  .register('local', localStoreAddressOpener({ reserveBytes: 0 }));
for (const scheme of GRPC_SCHEMES)
  registry.register(scheme, openGrpcStoreAddress);

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const resource of open.splice(0).reverse())
    await resource[Symbol.asyncDispose]();
});

async function opened(address: string): Promise<OpenedStoreServices> {
  const services = await registry.open(address);
  open.push({ [Symbol.asyncDispose]: () => services.close() });
  return services;
}

/** The rows of the reference's table that concern path infos and these schemes. */
const TABLE: [address: string, isValid: boolean][] = [
  ['http://foo.example/test', false],
  ['memory://', true],
  ['memory:', true],
  ['memory://foo', false],
  ['memory:///', false],
  ['memory:///foo', false],
  ['local:', true],
  ['local:///', false],
  ['local://foo.example', false],
  ['grpc+unix:///path/to/somewhere', true],
  ['grpc+unix:///path/to/somewhere?wait-connect=0', true],
  ['grpc+unix:///path/to/somewhere?wait-connect=1', false],
  ['grpc+unix://host.example/path/to/somewhere', false],
  ['grpc+http://[::1]:12345', true],
  ['grpc+http://localhost', true],
  ['grpc+https://localhost', true],
  ['grpc+http://localhost/some-path', false],
  ['grpc+http://localhost?wait-connect=0', true],
];

describe('the address of a store', () => {
  it.each(TABLE)('%s is valid: %p', async (address, isValid) => {
    const outcome = opened(address).then(
      ({ pathInfos }) => pathInfos !== undefined,
    );
    if (isValid) expect(await outcome).toBe(true);
    else
      await expect(outcome).rejects.toMatchObject({
        code: expect.stringMatching(/^castore\//),
      });
  });

  it('memory: opens a store of its own each time', async () => {
    const [a, b] = [await opened('memory:'), await opened('memory:')];
    await a.pathInfos!.put(fullPathInfo(1));
    expect(await b.pathInfos!.get(outputHash(1))).toBeUndefined();
    expect(a.narCalculationCache).toBeDefined();
  });

  it('local: opens what was stored there before', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'store-address-'));
    open.push({
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
    });
    const first = await registry.open(`local:${folder}/store`);
    await first.pathInfos!.put(fullPathInfo(1));
    const node = await storeTree('complicated', first as Store);
    await first.close();
    const second = await opened(`local:${folder}/store`);
    expect(await second.pathInfos!.get(outputHash(1))).toBeDefined();
    expect(
      (await new RenderingNarCalculation(second as Store).calculateNar(node))
        .narSize,
    ).toBe(840n);
    expect(second.localStore?.directory).toBe(`${folder}/store`);
  });

  it('grpc+unix: opens all services of one daemon', async () => {
    const backend = await opened('memory:');
    const { blobs, directories, pathInfos } =
      backend as Required<OpenedStoreServices>;
    const storage = { blobs, directories };
    const loopback = await openLoopback((server) => {
      addCastoreServices(server, storage);
      addStoreServices(server, {
        pathInfos,
        narCalculation: new RenderingNarCalculation(storage),
      });
    });
    open.push(loopback);
    const remote = await opened(`grpc+unix://${loopback.path}?wait-connect=1`);
    const node = await storeTree('helloWorld', {
      blobs: remote.blobs!,
      directories: remote.directories!,
    });
    expect((await remote.narCalculation!.calculateNar(node)).narSize).toBe(
      128n,
    );
    await remote.pathInfos!.put(fullPathInfo(1));
    expect(await pathInfos.get(outputHash(1))).toBeDefined();
  });
});
