import { DESCRIPTOR_BYTES, DescriptorChain } from './descriptor-chain.ts';
import { badGuest } from './guest-memory.ts';
import type { GuestMemory } from './guest-memory.ts';
import { badFrontEnd } from './vhost-user.ts';
import type { RingAddresses } from './vhost-user.ts';

/** How a queue was set up. */
export interface VirtqueueOptions {
  /** How many descriptors it has: a power of two. */
  readonly size: number;
  readonly addresses: RingAddresses;
  /** Where in the ring of available chains to begin: 16 bits, never wrapped at the size. */
  readonly base: number;
  /** Whether both sides say by index from when on they want to be notified, instead of by a flag. */
  readonly eventIndex: boolean;
  readonly indirect: boolean;
}

const MAX_SIZE = 2 ** 15;
/** The guest doesn't want to be notified. */
const AVAIL_NO_INTERRUPT = 1;
/** We don't. */
const USED_NO_NOTIFY = 1;

/**
 * A split virtqueue, seen from the device (virtio 1.1, section 2.6). The guest puts chains of descriptors into the
 * ring of available ones; they are handed back, in any order, through the ring of used ones. Indices are 16 bits that
 * wrap.
 *
 * Rings in words of 16 bits: available = flags, index, heads…, used event; used = flags, index, (u32 head, u32
 * length)…, available event.
 */
export class Virtqueue {
  readonly #options: VirtqueueOptions;
  readonly #isTaken: Uint8Array;
  #memory!: GuestMemory;
  #table!: DataView;
  #available!: Uint16Array;
  #used!: Uint16Array;
  #usedEntries!: DataView;
  #next: number;
  #usedIndex: number;
  #published: number;
  #inFlight = 0;

  /** @throws FsError `fs/bad-front-end`, `fs/bad-guest` */
  constructor(memory: GuestMemory, options: VirtqueueOptions) {
    const { size, base } = options;
    if (size < 1 || size > MAX_SIZE || (size & (size - 1)) !== 0)
      throw badFrontEnd(`a queue of ${size} descriptors`);
    this.#options = options;
    this.#isTaken = new Uint8Array(size);
    this.#next = base & 0xffff;
    this.attach(memory);
    this.#usedIndex = this.#published = Atomics.load(this.#used, 1);
  }

  /** Where a successor would begin. */
  get base(): number {
    return this.#next;
  }

  /** How many chains were taken and not handed back. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Goes on in memory that was mapped anew. @throws FsError `fs/bad-front-end`, `fs/bad-guest` */
  attach(memory: GuestMemory): void {
    const { size, addresses } = this.#options;
    const { descriptors, available, used } = addresses;
    if (descriptors % 16 !== 0 || available % 2 !== 0 || used % 4 !== 0)
      throw badFrontEnd('a queue that is not aligned');
    this.#memory = memory;
    this.#table = memory.userView(descriptors, size * DESCRIPTOR_BYTES);
    this.#available = words(memory.userView(available, 6 + size * 2));
    this.#usedEntries = memory.userView(used, 6 + size * 8);
    this.#used = words(this.#usedEntries);
  }

  /** The next chain, if there is one. @throws FsError `fs/bad-guest` */
  take(): DescriptorChain | undefined {
    const { size, indirect } = this.#options;
    const waiting = (Atomics.load(this.#available, 1) - this.#next) & 0xffff;
    if (waiting === 0) return undefined;
    if (waiting > size)
      throw badGuest(`${waiting} chains in a queue of ${size}`);
    const head = this.#available[2 + (this.#next & (size - 1))]!;
    if (head >= size) throw badGuest(`descriptor ${head} of ${size}`);
    if (this.#isTaken[head] === 1)
      throw badGuest(`chain ${head} was not handed back yet`);
    const chain = new DescriptorChain(
      this.#memory,
      this.#table,
      head,
      indirect,
    );
    this.#isTaken[head] = 1;
    this.#inFlight++;
    this.#next = (this.#next + 1) & 0xffff;
    return chain;
  }

  /** Writes a reply into a chain's room. @throws FsError `fs/bad-guest` */
  write(chain: DescriptorChain, parts: readonly Uint8Array[]): void {
    chain.write(this.#memory, parts);
  }

  /** Hands a chain back, with that many bytes written. The guest sees it after {@link Virtqueue.publish}. */
  complete({ head }: DescriptorChain, written: number): void {
    const at = 4 + (this.#usedIndex & (this.#options.size - 1)) * 8;
    this.#usedEntries.setUint32(at, head, true);
    this.#usedEntries.setUint32(at + 4, written, true);
    this.#usedIndex = (this.#usedIndex + 1) & 0xffff;
    this.#isTaken[head] = 0;
    this.#inFlight--;
  }

  /** Shows the guest what was handed back, and answers whether it wants to be notified of that. */
  publish(): boolean {
    const before = this.#published;
    const now = this.#usedIndex;
    if (before === now) return false;
    // Sequentially consistent, as all of Atomics: the guest's wish is read after it can see the index.
    Atomics.store(this.#used, 1, now);
    this.#published = now;
    if (!this.#options.eventIndex)
      return (Atomics.load(this.#available, 0) & AVAIL_NO_INTERRUPT) === 0;
    const event = Atomics.load(this.#available, 2 + this.#options.size);
    return isEventDue(event, now, before);
  }

  /** Asks not to be notified: the queue is being looked at anyway. */
  mute(): void {
    // With an event index nothing is to do: notifications end with the one that was asked for.
    if (!this.#options.eventIndex) Atomics.store(this.#used, 0, USED_NO_NOTIFY);
  }

  /** Asks to be notified of the next chain. Answers false if one came meanwhile, of which nobody will tell. */
  unmute(): boolean {
    if (this.#options.eventIndex)
      Atomics.store(this.#used, 2 + this.#options.size * 4, this.#next);
    else Atomics.store(this.#used, 0, 0);
    return Atomics.load(this.#available, 1) === this.#next;
  }
}

/**
 * Whether an index passed the event that the other side waits for, on its way from `before` to `now`: whether `event`
 * is one of `before`, …, `now - 1`, in 16 bits (virtio 1.1, section 2.6.7.2).
 */
export function isEventDue(
  event: number,
  now: number,
  before: number,
): boolean {
  return ((now - event - 1) & 0xffff) < ((now - before) & 0xffff);
}

function words(view: DataView): Uint16Array {
  return new Uint16Array(view.buffer, view.byteOffset, view.byteLength / 2);
}
