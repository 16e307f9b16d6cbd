import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openLocalStore } from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import fc from 'fast-check';
import {
  barePathInfo,
  fullPathInfo,
  outputHash,
} from '../../src/conformance/path-info-fixtures.ts';
import { addStoreServices, GrpcPathInfoService } from '../../src/grpc/index.ts';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';
import { MemoryPathInfoService } from '../../src/path-info-service/memory.ts';
import type { PathInfoService } from '../../src/path-info-service/path-info-service.ts';
import { hex } from '../fixtures.ts';
import { openLoopback } from '../loopback.ts';
import type { Loopback } from '../loopback.ts';

/** What the services must agree with: encoded path infos by output hash, in the order of the hashes. */
type Oracle = Map<string, string>;

/** The services that hold the same path infos, whatever happens to them. */
interface Real {
  services(): readonly PathInfoService[];
  reopen(): Promise<void>;
}

class Put implements fc.AsyncCommand<Oracle, Real> {
  readonly byte: number;
  readonly kind: 'full' | 'bare';
  readonly name: string;

  constructor(byte: number, kind: 'full' | 'bare', name: string) {
    this.byte = byte;
    this.kind = kind;
    this.name = name;
  }

  check = (): boolean => true;

  async run(oracle: Oracle, real: Real): Promise<void> {
    const pathInfo =
      this.kind === 'full'
        ? fullPathInfo(this.byte, this.name)
        : barePathInfo(this.byte);
    const encoded = hex(pathInfo.encode());
    for (const service of real.services())
      expect(hex((await service.put(pathInfo)).encode())).toBe(encoded);
    oracle.set(hex(outputHash(this.byte)), encoded);
  }

  toString = (): string => `put(${this.byte}, ${this.kind}, ${this.name})`;
}

class Get implements fc.AsyncCommand<Oracle, Real> {
  readonly byte: number;

  constructor(byte: number) {
    this.byte = byte;
  }

  check = (): boolean => true;

  async run(oracle: Oracle, real: Real): Promise<void> {
    const hash = outputHash(this.byte);
    for (const service of real.services()) {
      const found = await service.get(hash);
      expect(found && hex(found.encode())).toBe(oracle.get(hex(hash)));
    }
  }

  toString = (): string => `get(${this.byte})`;
}

class List implements fc.AsyncCommand<Oracle, Real> {
  check = (): boolean => true;

  async run(oracle: Oracle, real: Real): Promise<void> {
    const expected = [...oracle]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, encoded]) => encoded);
    for (const service of real.services()) {
      const listed: string[] = [];
      for await (const pathInfo of service.list())
        listed.push(hex(pathInfo.encode()));
      expect(listed).toEqual(expected);
    }
  }

  toString = (): string => 'list()';
}

class Reopen implements fc.AsyncCommand<Oracle, Real> {
  check = (): boolean => true;

  run = (_: Oracle, real: Real): Promise<void> => real.reopen();

  toString = (): string => 'reopen()';
}

async function openReal(folder: string): Promise<Real & AsyncDisposable> {
  const memory = new MemoryPathInfoService();
  // Of its own, so that what the client puts is not there already.
  const served = new MemoryPathInfoService();
  let store: LocalStore;
  let local: PathInfoService;
  let loopback: Loopback;
  let remote: PathInfoService;
  const open = async (): Promise<void> => {
    store = await openLocalStore(folder, { reserveBytes: 0 });
    local = new LocalPathInfoService(store);
    const narCalculation = {
      calculateNar: () => Promise.reject(new TypeError('not asked for')),
    };
    loopback = await openLoopback((server) =>
      addStoreServices(server, { pathInfos: served, narCalculation }),
    );
    remote = new GrpcPathInfoService(loopback.channel);
  };
  const close = async (): Promise<void> => {
    await loopback[Symbol.asyncDispose]();
    await store.close();
  };
  await open();
  return {
    services: () => [memory, local, remote],
    async reopen() {
      await close();
      await open();
    },
    [Symbol.asyncDispose]: close,
  };
}

describe('path info services', () => {
  it('agree with a model, through reopening, in this process and over gRPC', async () => {
    // Few hashes, so that most commands meet what others left.
    const byte = fc.nat({ max: 7 });
    const commands = [
      fc
        .tuple(
          byte,
          fc.constantFrom('full' as const, 'bare' as const),
          fc.constantFrom('a', 'b'),
        )
        .map((args) => new Put(...args)),
      byte.map((at) => new Get(at)),
      fc.constant(new List()),
      fc.constant(new Reopen()),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.commands(commands, { maxCommands: 40 }),
        async (cmds) => {
          const folder = await mkdtemp(join(tmpdir(), 'store-model-'));
          const real = await openReal(folder);
          try {
            await fc.asyncModelRun(
              () => ({ model: new Map<string, string>(), real }),
              cmds,
            );
          } finally {
            await real[Symbol.asyncDispose]();
            await rm(folder, { recursive: true, force: true });
          }
        },
      ),
      { numRuns: 15 },
    );
  });
});
