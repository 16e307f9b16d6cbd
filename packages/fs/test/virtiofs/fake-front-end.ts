import { closeSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { loadKoffi, loadLibc } from '../../src/fuse/libc.ts';
import { REQUEST } from '../../src/virtiofs/vhost-user.ts';
import {
  FakeGuest,
  FakeRing,
  GUEST_ADDRESS,
  USER_ADDRESS,
} from './fake-guest.ts';
import type { Offer } from './fake-guest.ts';

// Where there is no koffi, the tests that come here are left out.
const koffi = loadKoffi()!;
const libc = loadLibc()!;
const lib: ReturnType<typeof koffi.load> = koffi?.load(null) ?? {
  func: () => () => -1,
};
const socket = lib.func('int socket(int domain, int type, int protocol)');
const connect = lib.func(
  'int connect(int fd, const uint8_t *address, unsigned int length)',
);
const sendmsg = lib.func(
  'long sendmsg(int fd, const uint8_t *header, int flags)',
);
const memfdCreate = lib.func(
  'int memfd_create(const char *name, unsigned int flags)',
);
const eventfd = lib.func('int eventfd(unsigned int start, int flags)');
const mmap = lib.func(
  'long mmap(void *hint, size_t length, int protection, int flags, int fd, long offset)',
);
const munmap = lib.func('int munmap(long address, size_t length)');

const NONBLOCK = 0o4000;
/** The features that Linux asks for: VERSION_1, EVENT_IDX, INDIRECT_DESC; and PROTOCOL_FEATURES. */
export const LINUX_FEATURES = 0x170000000n;

/** A file in memory, as qemu shares it: the guest's memory from an offset on. */
export class SharedMemory {
  readonly fd: number;
  readonly guest: FakeGuest;
  readonly offset: number;
  readonly size: number;
  readonly #address: number;

  constructor(size: number, offset = 0) {
    this.size = size;
    this.offset = offset;
    this.fd = memfdCreate('guest', 1);
    ftruncateSync(this.fd, offset + size);
    this.#address = mmap(null, size, 3, 1, this.fd, offset);
    this.guest = new FakeGuest(koffi.view(BigInt(this.#address), size));
  }

  /** The guest mustn't be touched afterwards. */
  close(): void {
    munmap(this.#address, this.size);
    closeSync(this.fd);
  }
}

/** An event counter that one side adds to and the other waits for. */
export class Event {
  readonly fd: number = eventfd(0, NONBLOCK);

  signal(): void {
    writeSync(this.fd, new Uint8Array(BigUint64Array.of(1n).buffer));
  }

  async wait(): Promise<void> {
    await readable(this.fd);
    readSync(this.fd, new Uint8Array(8));
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** The other end of a vhost-user socket: what qemu is to us. */
export class FakeFrontEnd {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = socket(1, 1, 0);
    const address = Buffer.alloc(110);
    address.writeUInt16LE(1, 0);
    address.write(path, 2);
    if (connect(this.#fd, address, address.length) < 0)
      throw new Error(`nobody listens at ${path}`);
  }

  send(
    request: number,
    payload: Uint8Array = new Uint8Array(0),
    descriptors: readonly number[] = [],
    flags = 1,
  ): void {
    const header = new Uint8Array(
      Uint32Array.of(request, flags, payload.length).buffer,
    );
    this.sendBytes(Buffer.concat([header, payload]), descriptors);
  }

  sendBytes(bytes: Buffer, descriptors: readonly number[] = []): void {
    const control = Buffer.alloc(16 + ((descriptors.length * 4 + 7) & ~7));
    control.writeBigUInt64LE(BigInt(16 + descriptors.length * 4), 0);
    control.writeInt32LE(1, 8);
    control.writeInt32LE(1, 12);
    descriptors.forEach((fd, i) => control.writeInt32LE(fd, 16 + i * 4));
    const vector = Buffer.alloc(16);
    vector.writeBigUInt64LE(koffi.address(bytes), 0);
    vector.writeBigUInt64LE(BigInt(bytes.length), 8);
    const message = Buffer.alloc(56);
    message.writeBigUInt64LE(koffi.address(vector), 16);
    message.writeBigUInt64LE(1n, 24);
    if (descriptors.length > 0) {
      message.writeBigUInt64LE(koffi.address(control), 32);
      message.writeBigUInt64LE(BigInt(control.length), 40);
    }
    if (sendmsg(this.#fd, message, 0x4000) !== bytes.length)
      throw new Error('the socket took only a part');
  }

  /** The next reply's 64 bits. */
  async reply(): Promise<bigint> {
    await readable(this.#fd);
    const bytes = Buffer.alloc(20);
    if (readSync(this.#fd, bytes) !== 20) throw new Error('no whole reply');
    return bytes.readBigUInt64LE(12);
  }

  ask(request: number, payload?: Uint8Array): Promise<bigint> {
    this.send(request, payload);
    return this.reply();
  }

  /** Tells something, and waits for the acknowledgement. */
  async tell(
    request: number,
    payload?: Uint8Array,
    descriptors?: readonly number[],
  ): Promise<void> {
    this.send(request, payload, descriptors, 9);
    if ((await this.reply()) !== 0n) throw new Error(`${request} was refused`);
  }

  /** Resolves when the other side has hung up. */
  async hungUp(): Promise<void> {
    for (let read = 1; read > 0;) {
      await readable(this.#fd);
      try {
        read = readSync(this.#fd, new Uint8Array(100));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
        return;
      }
    }
  }

  async shareMemory(memories: readonly SharedMemory[]): Promise<void> {
    const places = memories.flatMap(({ size, offset }, i) => [
      GUEST_ADDRESS + i * 2 ** 32,
      size,
      USER_ADDRESS + i * 2 ** 32,
      offset,
    ]);
    await this.tell(
      REQUEST.SET_MEM_TABLE,
      Buffer.concat([longs(memories.length), longs(...places)]),
      memories.map(({ fd }) => fd),
    );
  }

  /** The handshake, in qemu's order. */
  async agree(features: bigint = LINUX_FEATURES): Promise<void> {
    const offered = await this.ask(REQUEST.GET_FEATURES);
    if ((features & ~offered) !== 0n) throw new Error(`offered ${offered}`);
    const protocol = await this.ask(REQUEST.GET_PROTOCOL_FEATURES);
    this.send(REQUEST.SET_PROTOCOL_FEATURES, longs(protocol));
    if ((await this.ask(REQUEST.GET_QUEUE_NUM)) !== 2n)
      throw new Error('not the queues of a file system');
    await this.tell(REQUEST.SET_OWNER);
    await this.tell(REQUEST.SET_FEATURES, longs(features));
  }

  /** Sets up a queue, and gives its driver. */
  async startQueue(guest: FakeGuest, index: number): Promise<Queue> {
    const queue = new Queue(guest);
    await this.tell(REQUEST.SET_VRING_NUM, words(index, queue.ring.size));
    await this.tell(REQUEST.SET_VRING_BASE, words(index, 0));
    await this.resumeQueue(queue, index);
    return queue;
  }

  /** Starts a queue that was set up, where it was. */
  async resumeQueue(queue: Queue, index: number): Promise<void> {
    const { descriptors, available, used } = queue.ring.addresses;
    await this.tell(
      REQUEST.SET_VRING_ADDR,
      Buffer.concat([words(index, 0), longs(descriptors, used, available, 0)]),
    );
    await this.tell(REQUEST.SET_VRING_KICK, longs(index), [queue.kick.fd]);
    await this.tell(REQUEST.SET_VRING_CALL, longs(index), [queue.call.fd]);
    await this.tell(REQUEST.SET_VRING_ENABLE, words(index, 1));
    await queue.call.wait();
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A queue that is being served, as its driver sees it. */
export class Queue {
  readonly ring: FakeRing;
  readonly kick: Event = new Event();
  readonly call: Event = new Event();
  #seen = 0;

  constructor(guest: FakeGuest) {
    this.ring = new FakeRing(guest, 16);
  }

  /** Offers a request, kicking only where that was asked for. */
  offer(parts: readonly Uint8Array[], room: readonly number[]): Offer {
    const offer = this.ring.offer(parts, room, true);
    if (this.ring.isKickDue()) this.kick.signal();
    return offer;
  }

  /** Waits until that many came back, sleeping until called. */
  async back(count: number): Promise<{ head: number; length: number }[]> {
    const back: { head: number; length: number }[] = [];
    for (;;) {
      back.push(...this.ring.takeUsed());
      this.ring.setUsedEvent(this.#seen + back.length);
      if (back.length >= count) break;
      await this.call.wait();
    }
    this.#seen += back.length;
    return back;
  }

  /** Sends a request, and gives the reply. */
  async call1(request: Uint8Array, room: number): Promise<Buffer> {
    const offer = this.offer([request], [16, room]);
    const [back] = await this.back(1);
    return Buffer.concat(offer.room).subarray(0, back!.length);
  }

  close(): void {
    this.kick.close();
    this.call.close();
  }
}

export function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

export function longs(...values: (number | bigint)[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values.map(BigInt)).buffer);
}

function readable(fd: number): Promise<void> {
  return new Promise((resolve) => {
    const watch = libc.watch(fd, () => {
      watch.close();
      resolve();
    });
  });
}
