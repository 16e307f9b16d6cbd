import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OP, ROOT_ID } from '../../src/fuse/protocol.ts';
import { RequestQueue } from '../../src/virtiofs/request-queue.ts';
import { Virtqueue } from '../../src/virtiofs/virtqueue.ts';
import { readIn, request, terminated, words } from '../support/fake-kernel.ts';
import { gated, mounted } from '../support/mounted.ts';
import type { Setup as Mounted } from '../support/mounted.ts';
import { digestOf, memoryServices, putTree } from '../support/tree.ts';
import { rootNodesFromEntries } from '../../src/root-nodes.ts';
import { FakeGuest, FakeRing, GUEST_ADDRESS } from './fake-guest.ts';
import type { Offer } from './fake-guest.ts';

const SIZE = 128;

interface Setup {
  readonly guest: FakeGuest;
  readonly ring: FakeRing;
  readonly requests: RequestQueue;
  readonly failures: unknown[];
  readonly notified: () => number;
  readonly resumed: () => number;
}

function setup({ fs }: Pick<Mounted, 'fs'>, size = SIZE): Setup {
  const guest = new FakeGuest();
  const ring = new FakeRing(guest, size);
  const failures: unknown[] = [];
  let notified = 0;
  let resumed = 0;
  const queue = new Virtqueue(guest.memory(), {
    size,
    base: 0,
    eventIndex: false,
    indirect: true,
    addresses: ring.addresses,
  });
  const requests = new RequestQueue(queue, fs, {
    notify: () => notified++,
    resume: () => resumed++,
    fail(error) {
      failures.push(error);
      requests.stop();
    },
  });
  return {
    guest,
    ring,
    requests,
    failures,
    notified: () => notified,
    resumed: () => resumed,
  };
}

function lookup(unique: number, name: string): Uint8Array[] {
  return [request(OP.LOOKUP, unique, ROOT_ID, terminated(name))];
}

function errnoIn({ room }: Offer): number {
  return -Buffer.concat(room).readInt32LE(4) + 0;
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('the requests of a queue', () => {
  it('are answered in the guest’s memory', async () => {
    const { ring, requests, notified } = setup(await mounted({ a: 'A' }));
    const found = ring.offer(lookup(2, 'a'), [16, 128], true);
    const missing = ring.offer(lookup(4, 'b'), [16, 128]);
    expect(requests.serve()).toBe(false);
    await requests.settled();
    await turn();
    expect(errnoIn(found)).toBe(0);
    expect(Buffer.concat(found.room).readUInt32LE(0)).toBe(144);
    expect(Buffer.concat(found.room).readBigUInt64LE(8)).toBe(2n);
    expect(Buffer.concat(missing.room).readBigUInt64LE(16)).toBe(0n);
    expect(ring.takeUsed().map(({ length }) => length)).toEqual([144, 144]);
    expect(notified()).toBe(1);
  });

  it('are answered out of order when one has to wait', async () => {
    const services = memoryServices();
    const root = await putTree(services, { d: { f: 'F' } });
    const gate = gated(services.directories);
    const directory = (await services.directories.get(digestOf(root)))!;
    const all = await mounted(
      {},
      {
        directories: gate,
        rootNodes: rootNodesFromEntries(
          directory.entries.map(({ name, node }) => [name, node]),
        ),
      },
    );
    const nodeid = await all.kernel.walk('d');
    const { ring, requests } = setup(all);
    const slow = ring.offer(
      [request(OP.LOOKUP, 2, nodeid, terminated('f'))],
      [144],
    );
    const quick = ring.offer(
      [request(OP.GETATTR, 4, ROOT_ID, words(0, 0, 0, 0))],
      [120],
    );
    requests.serve();
    expect(ring.takeUsed().map(({ head }) => head)).toEqual([quick.head]);
    const settled = requests.settled();
    gate.open();
    await settled;
    await turn();
    expect(ring.takeUsed()).toEqual([{ head: slow.head, length: 144 }]);
    expect(errnoIn(slow)).toBe(0);
  });

  it('wait in the guest while there are too many under way', async () => {
    const services = memoryServices();
    const root = await putTree(services, { d: { f: 'F' } });
    const gate = gated(services.directories);
    const directory = (await services.directories.get(digestOf(root)))!;
    const all = await mounted(
      {},
      {
        directories: gate,
        rootNodes: rootNodesFromEntries(
          directory.entries.map(({ name, node }) => [name, node]),
        ),
      },
    );
    const nodeid = await all.kernel.walk('d');
    const { ring, requests, resumed } = setup(all, 256);
    for (let i = 0; i < 200; i++) {
      const parts = [request(OP.LOOKUP, 2 * i, nodeid, terminated('f'))];
      ring.offer(parts, [144], true);
    }
    while (requests.serve());
    expect(all.fs.pending).toBe(128);
    expect(requests.serve()).toBe(false);
    expect(resumed()).toBe(0);
    gate.open();
    await requests.settled();
    expect(resumed()).toBe(1);
    while (requests.serve());
    await requests.settled();
    await turn();
    expect(ring.takeUsed()).toHaveLength(200);
  });

  it('that are never answered come back at once', async () => {
    const all = await mounted({ a: 'A' });
    const nodeid = await all.kernel.walk('a');
    const { ring, requests } = setup(all);
    const { head } = ring.offer([
      request(OP.FORGET, 2, nodeid, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])),
    ]);
    requests.serve();
    expect(ring.takeUsed()).toEqual([{ head, length: 0 }]);
    expect(all.fs.inodes).toBe(0);
  });

  it('fail with EIO where there is no room for the reply, and with nothing where there is none at all', async () => {
    const { ring, requests } = setup(await mounted({}));
    const getattr = [request(OP.GETATTR, 2, ROOT_ID, words(0, 0, 0, 0))];
    const small = ring.offer(getattr, [119]);
    const none = ring.offer(getattr, [15]);
    const untouched = ring.offer(getattr);
    requests.serve();
    expect(errnoIn(small)).toBe(5);
    expect(
      Buffer.concat(small.room)
        .subarray(16)
        .every((byte) => byte === 0),
    ).toBe(true);
    expect(ring.takeUsed()).toEqual([
      { head: small.head, length: 16 },
      { head: none.head, length: 0 },
      { head: untouched.head, length: 0 },
    ]);
  });

  it('that read a blob are scattered over pages', async () => {
    const contents = Buffer.from(
      Array.from({ length: 300_000 }, (_, i) => i * 7),
    );
    const all = await mounted({ a: contents });
    const nodeid = await all.kernel.walk('a');
    const { ring, requests } = setup(all);
    const pages = Array.from({ length: 80 }, () => 4096);
    const { head, room } = ring.offer(
      [request(OP.READ, 2, nodeid, readIn(0, 0, 80 * 4096))],
      [16, ...pages],
      true,
    );
    requests.serve();
    await requests.settled();
    await turn();
    expect(ring.takeUsed()).toEqual([{ head, length: 16 + 300_000 }]);
    expect(
      Buffer.concat(room)
        .subarray(16, 16 + 300_000)
        .equals(contents),
    ).toBe(true);
  });

  it('come in slices, so that others get their turn', async () => {
    const { ring, requests } = setup(await mounted({}));
    for (let i = 1; i <= 100; i++)
      ring.offer(
        [request(OP.GETATTR, 2 * i, ROOT_ID, words(0, 0, 0, 0))],
        [120],
        true,
      );
    expect(requests.serve()).toBe(true);
    const first = ring.takeUsed().length;
    expect(first).toBeLessThan(100);
    expect(requests.serve()).toBe(false);
    expect(first + ring.takeUsed().length).toBe(100);
  });

  it('are dropped when the queue has stopped', async () => {
    const { guest, ring, requests } = setup(await mounted({ a: 'A' }));
    ring.offer(lookup(2, 'a'), [144]);
    requests.serve();
    requests.stop();
    const before = guest.bytes.slice();
    await turn();
    expect(guest.bytes.every((byte, i) => byte === before[i])).toBe(true);
    expect(ring.takeUsed()).toEqual([]);
    expect(requests.serve()).toBe(false);
  });

  it('that are too short to be any end the queue', async () => {
    const { ring, requests, failures } = setup(await mounted({}));
    ring.offer([new Uint8Array(39)], [100]);
    requests.serve();
    expect(failures).toMatchObject([{ code: 'fs/bad-guest' }]);
  });

  it('of any bytes leave the rest of the guest’s memory as it is', async () => {
    const all = await mounted({ a: 'A', d: { f: 'F' } });
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            opcode: fc.nat(60),
            nodeid: fc.nat(4),
            body: fc.uint8Array({ maxLength: 80 }),
            room: fc.array(fc.nat(200), { maxLength: 3 }),
          }),
          { maxLength: 8 },
        ),
        async (calls) => {
          const { guest, ring, requests, failures } = setup(all);
          const offers = calls.map(({ opcode, nodeid, body, room }, i) =>
            ring.offer([request(opcode, i, nodeid, body)], room, true),
          );
          const isRoom = new Uint8Array(guest.bytes.length);
          for (const { room } of offers)
            for (const { byteOffset, length } of room)
              isRoom.fill(1, byteOffset, byteOffset + length);
          isRoom.fill(1, ring.used, ring.used + 6 + SIZE * 8);
          const before = guest.bytes.slice();
          requests.serve();
          await turn();
          await turn();
          expect(failures).toEqual([]);
          const strays = guest.bytes.findIndex(
            (byte, i) => byte !== before[i] && isRoom[i] === 0,
          );
          expect(strays).toBe(-1);
          for (const { head, length } of ring.takeUsed()) {
            const { room } = offers.find((offer) => offer.head === head)!;
            expect(length).toBeLessThanOrEqual(
              room.reduce((sum, part) => sum + part.length, 0),
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('end with the guest’s first lie, also one told while an answer is on its way', async () => {
    const { guest, ring, requests, failures } = setup(
      await mounted({ a: 'A' }),
    );
    ring.offer(lookup(2, 'a'), [144]);
    guest.setDescriptor(ring.table, 100, {
      address: GUEST_ADDRESS - 1,
      length: 100,
    });
    ring.offerHead(100);
    requests.serve();
    await turn();
    expect(failures).toMatchObject([{ code: 'fs/bad-guest' }]);
  });
});
