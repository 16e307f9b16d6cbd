import { afterEach, beforeEach, expect, it } from '@jest/globals';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OP, ROOT_ID } from '../../src/fuse/protocol.ts';
import { rootNodesFromDirectory } from '../../src/root-nodes.ts';
import { serveVirtiofs } from '../../src/virtiofs/serve.ts';
import type {
  ServeVirtiofsOptions,
  VirtiofsServer,
} from '../../src/virtiofs/serve.ts';
import { REQUEST } from '../../src/virtiofs/vhost-user.ts';
import {
  entryAt,
  OFFERED,
  readIn,
  request,
  terminated,
} from '../support/fake-kernel.ts';
import { gated } from '../support/mounted.ts';
import { digestOf, memoryServices, putTree } from '../support/tree.ts';
import { describeVirtiofs } from './describe-virtiofs.ts';
import {
  FakeFrontEnd,
  longs,
  Queue,
  SharedMemory,
  words,
} from './fake-front-end.ts';

const MIB = 2 ** 20;
const CONTENTS = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i * 13));

let folder: string;
let socket: string;
let server: VirtiofsServer;
let failures: unknown[];
let failed: Promise<unknown>;
let closers: { close(): void }[];

async function options(): Promise<ServeVirtiofsOptions> {
  const services = memoryServices();
  const root = await putTree(services, { file: CONTENTS, sub: { a: 'A' } });
  let tell: (error: unknown) => void = () => undefined;
  failed = new Promise((resolve) => (tell = resolve));
  return {
    socket,
    rootNodes: rootNodesFromDirectory(services.directories, digestOf(root)),
    ...services,
    onConnectionFailed(error) {
      failures.push(error);
      tell(error);
    },
  };
}

/** Closed after the test. */
function own<T extends { close(): void }>(thing: T): T {
  closers.unshift(thing);
  return thing;
}

interface Machine {
  readonly frontEnd: FakeFrontEnd;
  readonly memory: SharedMemory;
  readonly hiprio: Queue;
  readonly requests: Queue;
}

/** Connects, and brings both queues up; the last of the regions holds them. */
async function connect(
  memories: readonly SharedMemory[] = [own(new SharedMemory(4 * MIB))],
): Promise<Machine> {
  const frontEnd = own(new FakeFrontEnd(socket));
  await frontEnd.agree();
  await frontEnd.shareMemory(memories);
  const memory = memories[0]!;
  const hiprio = own(await frontEnd.startQueue(memory.guest, 0));
  const requests = own(await frontEnd.startQueue(memory.guest, 1));
  return { frontEnd, memory, hiprio, requests };
}

let unique = 0;

async function init({ requests }: Machine): Promise<void> {
  const body = Buffer.from(words(7, 45, 0x20000, OFFERED, 0xffffffff));
  const reply = await requests.call1(request(OP.INIT, 2, 0, body), 64);
  expect(reply.readInt32LE(4)).toBe(0);
}

async function lookup({ requests }: Machine, name: string): Promise<number> {
  const bytes = request(OP.LOOKUP, (unique += 2), ROOT_ID, terminated(name));
  const reply = await requests.call1(bytes, 128);
  return entryAt(new DataView(reply.buffer, reply.byteOffset + 16), 0).nodeid;
}

async function readFile(machine: Machine): Promise<Buffer> {
  const nodeid = await lookup(machine, 'file');
  const bytes = request(OP.READ, (unique += 2), nodeid, readIn(0, 0, MIB));
  return (await machine.requests.call1(bytes, MIB)).subarray(16);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tvix-virtiofs-'));
  socket = join(folder, 'socket');
  failures = [];
  closers = [];
  server = await serveVirtiofs(await options());
});

afterEach(async () => {
  await server.close();
  for (const thing of closers) thing.close();
  rmSync(folder, { recursive: true });
});

describeVirtiofs('a front-end', () => {
  it('mounts, looks up, reads and forgets through its queues', async () => {
    const machine = await connect();
    await init(machine);
    expect((await readFile(machine)).equals(CONTENTS)).toBe(true);
    machine.hiprio.offer([request(OP.FORGET, 0, 2, longs(1))], []);
    expect(await machine.hiprio.back(1)).toEqual([{ head: 0, length: 0 }]);
    const reply = await machine.requests.call1(
      request(OP.DESTROY, 98, 0, words()),
      0,
    );
    expect(reply.readInt32LE(4)).toBe(0);
    expect(failures).toEqual([]);
  });

  it('has several requests under way', async () => {
    const machine = await connect();
    await init(machine);
    const offers = ['file', 'sub', 'none'].map((name, i) =>
      machine.requests.offer(
        [request(OP.LOOKUP, 100 + i, ROOT_ID, terminated(name))],
        [144],
      ),
    );
    const back = await machine.requests.back(3);
    expect(back.map(({ head }) => head).sort()).toEqual(
      offers.map(({ head }) => head).sort(),
    );
    expect(
      offers.map(({ room }) => Number(Buffer.concat(room).readBigUInt64LE(8))),
    ).toEqual([100, 101, 102]);
  });

  it('may have memory in several parts, at any offset of its file', async () => {
    const low = own(new SharedMemory(4 * MIB, 2 * MIB));
    const high = own(new SharedMemory(2 * MIB, 2 ** 32));
    const machine = await connect([low, high]);
    await init(machine);
    const nodeid = await lookup(machine, 'file');
    const { ring, kick } = machine.requests;
    // The request and the room for its reply are in the other part.
    const bytes = request(OP.READ, 50, nodeid, readIn(0, 0, MIB));
    high.guest.bytes.set(bytes, MIB - 40);
    const address = 0x100000 + 2 ** 32;
    low.guest.setDescriptor(ring.table, 8, {
      address: address + MIB - 40,
      length: bytes.length,
      flags: 1,
      next: 9,
    });
    low.guest.setDescriptor(ring.table, 9, {
      address,
      length: MIB - 40,
      flags: 2,
    });
    ring.offerHead(8);
    kick.signal();
    expect(await machine.requests.back(1)).toEqual([
      { head: 8, length: 16 + CONTENTS.length },
    ]);
    expect(
      Buffer.from(high.guest.bytes.slice(16, 16 + CONTENTS.length)).equals(
        CONTENTS,
      ),
    ).toBe(true);
  });

  it('stops and starts its queues as its machine reboots or pauses', async () => {
    const machine = await connect();
    const { frontEnd, memory } = machine;
    await init(machine);
    const nodeid = await lookup(machine, 'file');
    expect(nodeid).toBeGreaterThan(ROOT_ID);
    const base = await frontEnd.ask(REQUEST.GET_VRING_BASE, words(1, 0));
    expect(base).toBe((2n << 32n) | 1n);
    // Paused: the queue goes on where it was.
    await frontEnd.tell(REQUEST.SET_VRING_BASE, words(1, 2));
    await frontEnd.resumeQueue(machine.requests, 1);
    expect(await lookup(machine, 'file')).toBe(nodeid);
    // Rebooted: another queue, another INIT.
    await frontEnd.ask(REQUEST.GET_VRING_BASE, words(1, 0));
    const requests = own(await frontEnd.startQueue(memory.guest, 1));
    await init({ ...machine, requests });
    expect((await readFile({ ...machine, requests })).equals(CONTENTS)).toBe(
      true,
    );
  });

  it('hears that a queue has stopped when all of its requests are answered', async () => {
    await server.close();
    const given = await options();
    const gate = gated(given.directories);
    server = await serveVirtiofs({ ...given, directories: gate });
    const machine = await connect();
    await init(machine);
    const { requests, frontEnd } = machine;
    const nodeid = await lookup(machine, 'sub');
    const body = request(OP.LOOKUP, 90, nodeid, terminated('a'));
    const { room } = requests.offer([body], [144]);
    frontEnd.send(REQUEST.GET_VRING_BASE, words(1, 0));
    // The other queue is served meanwhile, from behind which comes whatever was sent before.
    machine.hiprio.offer([request(OP.FORGET, 0, 99, longs(1))], []);
    await machine.hiprio.back(1);
    gate.open();
    expect(await frontEnd.reply()).toBe((3n << 32n) | 1n);
    const reply = Buffer.concat(room);
    expect([reply.readUInt32LE(0), reply.readInt32LE(4)]).toEqual([144, 0]);
  });

  it('may change its memory while it runs', async () => {
    const machine = await connect();
    await init(machine);
    const { frontEnd, memory } = machine;
    const more = own(new SharedMemory(MIB));
    await frontEnd.shareMemory([memory, more]);
    expect((await readFile(machine)).equals(CONTENTS)).toBe(true);
  });

  it('comes back after it has gone, and is one of many', async () => {
    const first = await connect();
    await init(first);
    await lookup(first, 'file');
    const second = await connect();
    await init(second);
    expect(server.connections).toBe(2);
    expect((await readFile(second)).equals(CONTENTS)).toBe(true);
    closers.splice(closers.indexOf(first.frontEnd), 1);
    first.frontEnd.close();
    const third = await connect();
    await init(third);
    expect((await readFile(third)).equals(CONTENTS)).toBe(true);
    expect(failures).toEqual([]);
  });

  const lies: Record<string, (machine: Machine) => void> = {
    'a request that nobody offered': ({ frontEnd }) => frontEnd.send(99),
    'bytes that are no message': ({ frontEnd }) =>
      frontEnd.sendBytes(Buffer.alloc(12, 0xff)),
    'a payload that is too short': ({ frontEnd }) =>
      frontEnd.send(REQUEST.SET_FEATURES, words(1)),
    'features that nobody offered': ({ frontEnd }) =>
      frontEnd.send(REQUEST.SET_FEATURES, longs(1n << 26n)),
    'a queue that is none': ({ frontEnd }) =>
      frontEnd.send(REQUEST.SET_VRING_NUM, words(2, 16)),
    'a queue of no size': ({ frontEnd, requests }) => {
      frontEnd.send(REQUEST.SET_VRING_NUM, words(1, 3));
      frontEnd.send(REQUEST.SET_VRING_KICK, longs(1), [requests.kick.fd]);
    },
    'memory that its file does not hold': ({ frontEnd, memory }) =>
      frontEnd.send(
        REQUEST.SET_MEM_TABLE,
        Buffer.concat([longs(1), longs(0, 2 * memory.size, 0, 0)]),
        [memory.fd],
      ),
    'more descriptors than anything has': ({ frontEnd, memory }) =>
      frontEnd.send(
        REQUEST.SET_OWNER,
        words(),
        Array.from({ length: 20 }, () => memory.fd),
      ),
    'descriptors that wake nobody': ({ frontEnd, memory }) =>
      frontEnd.send(REQUEST.SET_VRING_KICK, longs(1), [memory.fd]),
    'memory without a queue in it': ({ frontEnd }) =>
      frontEnd.send(REQUEST.SET_MEM_TABLE, longs(0)),
  };
  for (const [what, lie] of Object.entries(lies)) {
    it(`that sends ${what} is hung up on, and nobody else`, async () => {
      const other = await connect();
      const machine = await connect();
      await init(machine);
      lie(machine);
      expect(await failed).toBeDefined();
      await machine.frontEnd.hungUp();
      expect(server.connections).toBe(1);
      await init(other);
      expect((await readFile(other)).equals(CONTENTS)).toBe(true);
    });
  }

  it('whose guest lies is hung up on with a typed error', async () => {
    const machine = await connect();
    await init(machine);
    const { ring, kick } = machine.requests;
    ring.setIndex(1000);
    kick.signal();
    expect(await failed).toMatchObject({ code: 'fs/bad-guest' });
    await machine.frontEnd.hungUp();
  });
});

describeVirtiofs('the socket of virtual machines', () => {
  it('is taken over where a dead server left one, and is gone after the end', async () => {
    await server.close();
    expect(existsSync(socket)).toBe(false);
    const abandoned = createServer().listen(socket);
    await once(abandoned, 'listening');
    server = await serveVirtiofs(await options());
    expect((await connect()).memory.size).toBe(4 * MIB);
    // Closing removes the file of that name, whoever it belongs to.
    abandoned.close();
  });

  it('is left alone at the end where somebody else has put one', async () => {
    const successor = await serveVirtiofs(await options());
    await server.close();
    expect(existsSync(socket)).toBe(true);
    await connect();
    await successor.close();
  });

  it('never replaces a file', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'precious');
    await expect(
      serveVirtiofs({ ...(await options()), socket: path }),
    ).rejects.toMatchObject({ code: 'fs/bad-socket', path });
    expect(existsSync(path)).toBe(true);
  });

  it('has to have a name that is short enough', async () => {
    await expect(
      serveVirtiofs({
        ...(await options()),
        socket: `/tmp/${'x'.repeat(108)}`,
      }),
    ).rejects.toMatchObject({ code: 'fs/bad-socket' });
  });

  it('is closed by a signal, with every connection', async () => {
    await server.close();
    const controller = new AbortController();
    server = await serveVirtiofs({
      ...(await options()),
      signal: controller.signal,
    });
    const { frontEnd } = await connect();
    controller.abort();
    await frontEnd.hungUp();
    await server.close();
    expect(existsSync(socket)).toBe(false);
    await expect(
      serveVirtiofs({ ...(await options()), signal: controller.signal }),
    ).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('leaves no descriptor behind', async () => {
    await server.close();
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let round = 0; round < 3; round++) {
      server = await serveVirtiofs(await options());
      const machine = await connect();
      await init(machine);
      await readFile(machine);
      machine.frontEnd.send(99);
      await failed;
      await server.close();
      for (const thing of closers.splice(0)) thing.close();
    }
    expect(open()).toBe(before);
  });
});
