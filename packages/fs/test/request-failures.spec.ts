import {
  afterEach,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { CastoreError } from '@tvix/castore';
import { ERRNO } from '../src/errno.ts';
import { OP } from '../src/fuse/protocol.ts';
import { fromPlainError, toPlainError } from '../src/fuse/plain-error.ts';
import type { RequestFailure } from '../src/request-failures.ts';
import { rootNodesFromEntries } from '../src/root-nodes.ts';
import { gated, mounted } from './support/mounted.ts';
import type { Setup } from './support/mounted.ts';
import { longs, terminated } from './support/fake-kernel.ts';
import { memoryServices, putTree } from './support/tree.ts';

const dead = new CastoreError('castore/unavailable', 'dead');

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
});
afterEach(() => {
  jest.useRealTimers();
});

async function mountedOverDeadStore(
  told: RequestFailure[],
): Promise<Setup & { nodeid: number }> {
  const node = await putTree(memoryServices(), { a: 'x' });
  const setup = await mounted(
    {},
    {
      rootNodes: rootNodesFromEntries([['d', node]]),
      directories: { get: () => Promise.reject(dead) },
      onRequestFailed: (failure) => told.push(failure),
    },
  );
  return { ...setup, nodeid: await setup.kernel.walk('d') };
}

describe('a request that fails', () => {
  it('is told with its reason, unless the kernel was told that', async () => {
    const told: RequestFailure[] = [];
    const { kernel, nodeid } = await mountedOverDeadStore(told);
    const known = await kernel.send(OP.MKDIR, nodeid, terminated('b'));
    expect(known.errno).toBe(ERRNO.EROFS);
    expect(told).toStrictEqual([]);
    const failed = await kernel.send(OP.LOOKUP, nodeid, terminated('a'));
    expect(failed.errno).toBe(ERRNO.EIO);
    expect(told).toStrictEqual([
      { operation: 'LOOKUP', error: dead, omitted: 0 },
    ]);
  });

  it('is told ten times in ten seconds at most, then with the number of those that were not', async () => {
    const told: RequestFailure[] = [];
    const { kernel, nodeid } = await mountedOverDeadStore(told);
    const fail = (): Promise<unknown> =>
      kernel.send(OP.LOOKUP, nodeid, terminated('a'));
    for (let i = 0; i < 25; i++) await fail();
    expect(told.map(({ omitted }) => omitted)).toStrictEqual(
      Array.from({ length: 10 }, () => 0),
    );
    jest.advanceTimersByTime(10_000);
    await fail();
    await fail();
    expect(told.slice(10).map(({ omitted }) => omitted)).toStrictEqual([15, 0]);
  });

  it('is not told where nobody waits for it any more', async () => {
    const services = memoryServices();
    const node = await putTree(services, { a: 'x' });
    const directories = gated({ get: () => Promise.reject(dead) });
    const told: RequestFailure[] = [];
    const { kernel } = await mounted(
      {},
      {
        rootNodes: rootNodesFromEntries([['d', node]]),
        directories,
        onRequestFailed: (failure) => told.push(failure),
      },
    );
    const nodeid = await kernel.walk('d');
    const given = kernel.start(OP.LOOKUP, nodeid, terminated('a'));
    kernel.tell(OP.INTERRUPT, 0, longs(given.unique));
    expect((await given.reply).errno).toBe(ERRNO.EINTR);
    directories.open();
    await new Promise(process.nextTick);
    expect(told).toStrictEqual([]);
  });
});

describe('an error that goes to another thread', () => {
  it('keeps its code and its causes, which may go round in circles', () => {
    const circle = new Error('outer', { cause: dead });
    (dead as { cause?: unknown }).cause = circle;
    const plain = structuredClone(toPlainError(circle));
    const error = fromPlainError(plain) as Error & { cause: unknown };
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe('outer');
    expect(error.stack).toBe(circle.stack);
    expect(error.cause).toMatchObject({
      name: 'CastoreError',
      code: 'castore/unavailable',
      message: 'dead',
    });
    expect(fromPlainError(toPlainError('text')).message).toBe('text');
    expect(fromPlainError(toPlainError(undefined)).message).toBe('undefined');
  });
});
