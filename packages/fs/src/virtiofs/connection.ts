import { closeSync, writeSync } from 'node:fs';
import type { CastoreFs } from '../castore-fs.ts';
import type { Watch } from '../fuse/libc.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { VirtiofsLibc } from './libc.ts';
import { MappedMemory } from './mapped-memory.ts';
import { MessageReader } from './message-reader.ts';
import {
  badFrontEnd,
  encodeReply,
  encodeVringReply,
  FEATURE,
  parseMemoryTable,
  parseUint64,
  parseVringAddresses,
  parseVringDescriptor,
  parseVringState,
  PROTOCOL_FEATURE,
  REQUEST,
} from './vhost-user.ts';
import type { Message } from './vhost-user.ts';
import type { VirtqueueOptions } from './virtqueue.ts';
import { Vring } from './vring.ts';
import type { VringHost } from './vring.ts';

/** What a file system has: one queue for what mustn't wait (forgetting), one for requests. */
const QUEUES = 2;
const FEATURES =
  FEATURE.VERSION_1 |
  FEATURE.INDIRECT_DESC |
  FEATURE.EVENT_IDX |
  FEATURE.PROTOCOL_FEATURES;
const PROTOCOL_FEATURES = PROTOCOL_FEATURE.MQ | PROTOCOL_FEATURE.REPLY_ACK;

/**
 * How long a front-end that stops a queue waits for the last answers, in milliseconds. It does nothing else meanwhile;
 * but a guest that is only paused asks for them when it goes on.
 */
const SETTLE_MS = 5_000;

/** One front-end, which is one virtual machine: through all of its reboots, until it hangs up. */
export class Connection implements VringHost {
  readonly libc: VirtiofsLibc;
  readonly fs: CastoreFs;
  /** Resolves when all is closed, with the reason where that was no good end. Never rejects. */
  readonly ended: Promise<unknown>;
  readonly #fd: number;
  readonly #reader: MessageReader;
  readonly #vrings: readonly Vring[];
  #watch: Watch | undefined;
  #features = 0n;
  #hasAcknowledgements = false;
  #memory: MappedMemory | undefined;
  #end!: (reason: unknown) => void;
  #isClosed = false;

  /** Takes over the socket. */
  constructor(fd: number, libc: VirtiofsLibc, fs: CastoreFs) {
    this.#fd = fd;
    this.libc = libc;
    this.fs = fs;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#reader = new MessageReader(fd, libc);
    this.#vrings = Array.from({ length: QUEUES }, () => new Vring(this));
    this.#listen();
  }

  get agreed(): Pick<VirtqueueOptions, 'eventIndex' | 'indirect'> {
    return {
      eventIndex: (this.#features & FEATURE.EVENT_IDX) !== 0n,
      indirect: (this.#features & FEATURE.INDIRECT_DESC) !== 0n,
    };
  }

  get memory(): GuestMemory | undefined {
    return this.#memory?.guest;
  }

  fail(error: unknown): void {
    this.close(error);
  }

  /** Hangs up. Safe to be called from anywhere, any number of times. */
  close(reason?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unwatch();
    this.fs.reset();
    for (const vring of this.#vrings) vring.close();
    this.#memory?.close();
    this.#reader.close();
    closeSync(this.#fd);
    this.#end(reason);
  }

  #listen(): void {
    this.#watch = this.libc.watch(this.#fd, () => void this.#receive());
  }

  #unwatch(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  /** Takes messages one after the other: those behind one that takes its time have to wait. */
  async #receive(): Promise<void> {
    try {
      while (!this.#isClosed) {
        const message = this.#reader.next();
        if (message === undefined) break;
        if (message === 'end') return this.close();
        const work = this.#handle(message);
        if (work === undefined) continue;
        this.#unwatch();
        await work;
      }
      if (!this.#isClosed && this.#watch === undefined) this.#listen();
    } catch (error) {
      this.fail(error);
    }
  }

  #handle(message: Message): Promise<void> | undefined {
    const { request, descriptors } = message;
    switch (request) {
      case REQUEST.SET_VRING_KICK:
      case REQUEST.SET_VRING_CALL:
      case REQUEST.SET_VRING_ERR:
        this.#setDescriptor(message);
        break;
      case REQUEST.SET_MEM_TABLE:
        try {
          this.#setMemory(message);
        } finally {
          for (const fd of descriptors) closeSync(fd);
        }
        break;
      default:
        for (const fd of descriptors) closeSync(fd);
        if (request === REQUEST.GET_VRING_BASE) return this.#stop(message);
        if (this.#answer(message)) return undefined;
        this.#set(message);
    }
    if (message.needsReply && this.#hasAcknowledgements)
      this.#send(encodeReply(request, 0n));
    return undefined;
  }

  /** Answers what is asked; false for what is told. */
  #answer({ request }: Message): boolean {
    const value = ANSWERS.get(request);
    if (value === undefined) return false;
    this.#send(encodeReply(request, value));
    return true;
  }

  #set(message: Message): void {
    switch (message.request) {
      case REQUEST.SET_OWNER:
      case REQUEST.RESET_OWNER:
        return;
      case REQUEST.SET_FEATURES:
        this.#features = offered(message, FEATURES);
        return;
      case REQUEST.SET_PROTOCOL_FEATURES: {
        const features = offered(message, PROTOCOL_FEATURES);
        this.#hasAcknowledgements =
          (features & PROTOCOL_FEATURE.REPLY_ACK) !== 0n;
        return;
      }
      case REQUEST.SET_VRING_NUM: {
        const { index, value } = parseVringState(message);
        this.#vring(index).size = value;
        return;
      }
      case REQUEST.SET_VRING_BASE: {
        const { index, value } = parseVringState(message);
        this.#vring(index).base = value;
        return;
      }
      case REQUEST.SET_VRING_ENABLE: {
        const { index, value } = parseVringState(message);
        return this.#vring(index).enable(value !== 0);
      }
      case REQUEST.SET_VRING_ADDR: {
        const { index, addresses } = parseVringAddresses(message);
        this.#vring(index).addresses = addresses;
        return;
      }
      default:
        throw badFrontEnd(`request ${message.request}, which nobody offered`);
    }
  }

  #setDescriptor(message: Message): void {
    let given: readonly number[] = message.descriptors;
    try {
      const { index, descriptor } = parseVringDescriptor(message);
      const vring = this.#vring(index);
      if (message.request === REQUEST.SET_VRING_ERR) return;
      given = [];
      if (message.request === REQUEST.SET_VRING_CALL) vring.setCall(descriptor);
      else if (descriptor !== undefined) vring.start(descriptor);
      else throw badFrontEnd('a queue that wants to be polled');
    } finally {
      for (const fd of given) closeSync(fd);
    }
  }

  #setMemory(message: Message): void {
    const places = parseMemoryTable(message);
    const before = this.#memory;
    const memory = new MappedMemory(this.libc, places, message.descriptors);
    this.#memory = memory;
    try {
      for (const vring of this.#vrings) vring.attach(memory.guest);
    } finally {
      before?.close();
    }
  }

  async #stop(message: Message): Promise<void> {
    const { index } = parseVringState(message);
    const vring = this.#vring(index);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, SETTLE_MS);
    });
    await Promise.race([vring.settle(), patience]);
    clearTimeout(timer);
    if (this.#isClosed) return;
    vring.stop();
    this.#send(encodeVringReply(message.request, index, vring.base));
  }

  #vring(index: number): Vring {
    const vring = this.#vrings[index];
    if (vring === undefined) throw badFrontEnd(`queue ${index} of ${QUEUES}`);
    return vring;
  }

  #send(reply: Uint8Array): void {
    if (this.#isClosed) return;
    // So little fits into any socket whose other end reads.
    if (writeSync(this.#fd, reply) !== reply.length)
      throw badFrontEnd('much and read nothing');
  }
}

const ANSWERS: ReadonlyMap<number, bigint> = new Map([
  [REQUEST.GET_FEATURES, FEATURES],
  [REQUEST.GET_PROTOCOL_FEATURES, PROTOCOL_FEATURES],
  [REQUEST.GET_QUEUE_NUM, BigInt(QUEUES)],
]);

function offered(message: Message, features: bigint): bigint {
  const chosen = parseUint64(message);
  if ((chosen & ~features) !== 0n)
    throw badFrontEnd(`features that nobody offered: 0x${chosen.toString(16)}`);
  return chosen;
}
