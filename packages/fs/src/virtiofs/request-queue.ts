import type { CastoreFs } from '../castore-fs.ts';
import { ERRNO } from '../errno.ts';
import { LENGTH, OP, REQUEST_BUFFER_BYTES } from '../fuse/protocol.ts';
import type { DescriptorChain } from './descriptor-chain.ts';
import { badGuest } from './guest-memory.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { Virtqueue } from './virtqueue.ts';

/** Whom a queue tells what. */
export interface RequestQueueListener {
  /** The guest wants to be notified. */
  notify(): void;
  /** More requests may be served, after there were too many under way. Called while one is answered. */
  resume(): void;
  /** Nobody can go on from here. */
  fail(error: unknown): void;
}

/** Requests in a row before the event loop gets its turn. */
const SLICE = 64;
/** Requests under way at a time: each may hold a MiB and more, and a queue has room for 32768. */
const MAX_IN_FLIGHT = 128;

/** These are never answered: their chains go back at once. */
const UNANSWERED: ReadonlySet<number> = new Set([
  OP.FORGET,
  OP.BATCH_FORGET,
  OP.INTERRUPT,
  OP.NOTIFY_REPLY,
]);

/** Serves the requests of a virtqueue from a file system: some at once, some later, in any order. */
export class RequestQueue {
  readonly #queue: Virtqueue;
  readonly #fs: CastoreFs;
  readonly #listener: RequestQueueListener;
  readonly #request = new Uint8Array(REQUEST_BUFFER_BYTES);
  #isServing = false;
  #isFlushDue = false;
  #isStopped = false;
  #isFull = false;
  #onSettled: (() => void) | undefined;

  constructor(queue: Virtqueue, fs: CastoreFs, listener: RequestQueueListener) {
    this.#queue = queue;
    this.#fs = fs;
    this.#listener = listener;
  }

  /** Where a successor would begin. */
  get base(): number {
    return this.#queue.base;
  }

  /**
   * Serves what is there, for a while. Answers whether there is more; if not, the guest will notify of it, or the
   * listener is told to go on.
   */
  serve(): boolean {
    if (this.#isStopped || this.#isServing) return false;
    this.#isServing = true;
    try {
      this.#queue.mute();
      for (let served = 0; served < SLICE;) {
        this.#isFull = this.#queue.inFlight >= MAX_IN_FLIGHT;
        if (this.#isFull) return false;
        const chain = this.#queue.take();
        if (chain !== undefined) {
          this.#handle(chain);
          served++;
        } else if (this.#queue.unmute()) return false;
        if (this.#isStopped) return false;
      }
      return true;
    } catch (error) {
      this.#listener.fail(error);
      return false;
    } finally {
      this.#isServing = false;
      this.#flush();
    }
  }

  /** Resolves when all that was taken is handed back. */
  async settled(): Promise<void> {
    if (this.#isStopped || this.#queue.inFlight === 0) return;
    await new Promise<void>((resolve) => (this.#onSettled = resolve));
  }

  /** Goes on in memory that was mapped anew. @throws FsError `fs/bad-front-end`, `fs/bad-guest` */
  attach(memory: GuestMemory): void {
    this.#queue.attach(memory);
  }

  /** Touches the guest's memory no more: answers that are still to come are dropped. */
  stop(): void {
    this.#isStopped = true;
    this.#onSettled?.();
  }

  #handle(chain: DescriptorChain): void {
    // A copy, as the guest could change what has been checked. Requests that don't fit are none that are served.
    const length = chain.read(this.#request);
    if (length < LENGTH.IN_HEADER)
      throw badGuest(`a request of ${length} bytes`);
    const request = this.#request.subarray(0, length);
    const opcode = new DataView(request.buffer).getUint32(4, true);
    if (UNANSWERED.has(opcode)) {
      this.#fs.handle(request, () => false);
      this.#handBack(chain, 0);
      return;
    }
    this.#fs.handle(request, (message, data) =>
      this.#answer(chain, message, data),
    );
  }

  #answer(
    chain: DescriptorChain,
    message: Uint8Array,
    data: readonly Uint8Array[] = [],
  ): boolean {
    if (this.#isStopped) return false;
    let parts: readonly Uint8Array[] = [message, ...data];
    let length = parts.reduce((sum, part) => sum + part.length, 0);
    const isTooLong = length > chain.writableBytes;
    if (isTooLong) parts = [apologyFor(message, chain.writableBytes)];
    if (isTooLong) length = parts[0]!.length;
    try {
      this.#queue.write(chain, parts);
      this.#handBack(chain, length);
    } catch (error) {
      this.#listener.fail(error);
      return false;
    }
    return !isTooLong;
  }

  #handBack(chain: DescriptorChain, written: number): void {
    this.#queue.complete(chain, written);
    if (this.#queue.inFlight === 0) this.#onSettled?.();
    if (this.#isFull && this.#queue.inFlight <= MAX_IN_FLIGHT / 2) {
      this.#isFull = false;
      this.#listener.resume();
    }
    if (this.#isServing || this.#isFlushDue) return;
    // Answers that come together are told of together.
    this.#isFlushDue = true;
    queueMicrotask(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#isStopped && this.#queue.publish()) this.#listener.notify();
  }
}

/** What the guest gets that left too little room for the reply to its request: an error, or nothing at all. */
function apologyFor(message: Uint8Array, room: number): Uint8Array {
  if (room < LENGTH.OUT_HEADER) return new Uint8Array(0);
  const apology = message.slice(0, LENGTH.OUT_HEADER);
  const view = new DataView(apology.buffer);
  view.setUint32(0, apology.length, true);
  view.setInt32(4, -ERRNO.EIO, true);
  return apology;
}
