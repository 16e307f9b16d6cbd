import { closeSync, readlinkSync, writeSync } from 'node:fs';
import type { CastoreFs } from '../castore-fs.ts';
import type { Watch } from '../fuse/libc.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { VirtiofsLibc } from './libc.ts';
import { RequestQueue } from './request-queue.ts';
import { badFrontEnd } from './vhost-user.ts';
import type { RingAddresses } from './vhost-user.ts';
import { Virtqueue } from './virtqueue.ts';
import type { VirtqueueOptions } from './virtqueue.ts';

/** What a queue needs of its connection. */
export interface VringHost {
  readonly libc: VirtiofsLibc;
  readonly fs: CastoreFs;
  /** What guest and device agreed on. */
  readonly agreed: Pick<VirtqueueOptions, 'eventIndex' | 'indirect'>;
  readonly memory: GuestMemory | undefined;
  /** Ends the connection: nobody can go on from here. */
  fail(error: unknown): void;
}

const EINTR = 4;
const EAGAIN = 11;
/** What an eventfd takes: 1, as 64 bits. */
const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);

/**
 * One queue of a connection, as the front-end sets it up: where it is, and the descriptors by which both sides wake
 * each other.
 *
 * It serves from the moment that there is a descriptor to be woken by, unless it was disabled. The protocol has queues
 * begin disabled, but a front-end that never enables those of a file system is served all the same.
 */
export class Vring {
  size = 0;
  base = 0;
  addresses: RingAddresses | undefined;
  readonly #host: VringHost;
  readonly #counter = new Uint8Array(8);
  #isEnabled = true;
  #kick: number | undefined;
  #call: number | undefined;
  #watch: Watch | undefined;
  #requests: RequestQueue | undefined;
  #rest: NodeJS.Immediate | undefined;

  constructor(host: VringHost) {
    this.#host = host;
  }

  /** Takes the descriptor that wakes us, and begins. @throws FsError `fs/bad-front-end`, `fs/bad-guest` */
  start(kick: number): void {
    this.stop();
    this.#kick = kick;
    expectEventfd(kick);
    const { libc, fs, memory, agreed } = this.#host;
    const { size, addresses, base } = this;
    if (memory === undefined || addresses === undefined)
      throw badFrontEnd('the start of a queue that has no place');
    this.#requests = new RequestQueue(
      new Virtqueue(memory, { size, addresses, base, ...agreed }),
      fs,
      {
        notify: () => this.#wakeGuest(),
        resume: () => this.#serveSoon(),
        fail: (error) => this.#host.fail(error),
      },
    );
    libc.setNonBlocking(kick);
    this.#watch = libc.watch(kick, () => this.#woken());
    this.#serve();
  }

  /** Takes no more requests, and resolves when all that were taken are answered. */
  async settle(): Promise<void> {
    this.#unwatch();
    await this.#requests?.settled();
  }

  /** Stops; answers that are still to come are dropped. What was set up stays for the next start. */
  stop(): void {
    this.#unwatch();
    this.base = this.#requests?.base ?? this.base;
    this.#requests?.stop();
    this.#requests = undefined;
    if (this.#kick !== undefined) closeSync(this.#kick);
    this.#kick = undefined;
  }

  /** Takes the descriptor that wakes the guest, or that there is none. @throws FsError `fs/bad-front-end` */
  setCall(call: number | undefined): void {
    if (this.#call !== undefined) closeSync(this.#call);
    this.#call = call;
    if (call === undefined) return;
    expectEventfd(call);
    this.#host.libc.setNonBlocking(call);
    // What was answered before went without.
    this.#wakeGuest();
  }

  /** Serves, or lets requests wait. */
  enable(isEnabled: boolean): void {
    this.#isEnabled = isEnabled;
    this.#serve();
  }

  /** Goes on in memory that was mapped anew. @throws FsError `fs/bad-front-end`, `fs/bad-guest` */
  attach(memory: GuestMemory): void {
    this.#requests?.attach(memory);
  }

  /** Stops, and closes all that was given. */
  close(): void {
    this.stop();
    this.setCall(undefined);
  }

  #woken(): void {
    if (this.#kick === undefined) return;
    const result = this.#host.libc.read(this.#kick, this.#counter);
    if (result > 0 || result === -EAGAIN || result === -EINTR) this.#serve();
    else this.#host.fail(badFrontEnd('a descriptor that wakes nobody'));
  }

  #serve(): void {
    clearImmediate(this.#rest);
    if (!this.#isEnabled || this.#watch === undefined) return;
    if (this.#requests?.serve() === true) this.#serveSoon();
  }

  #serveSoon(): void {
    clearImmediate(this.#rest);
    this.#rest = setImmediate(() => this.#serve());
  }

  #wakeGuest(): void {
    if (this.#call === undefined) return;
    try {
      writeSync(this.#call, ONE);
    } catch (error) {
      // A counter at its end has woken the guest already.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN')
        this.#host.fail(error);
    }
  }

  #unwatch(): void {
    this.#watch?.close();
    this.#watch = undefined;
    clearImmediate(this.#rest);
  }
}

/** Anything else might block where an eventfd answers, and what can't be waited for makes koffi end the process. */
function expectEventfd(fd: number): void {
  const what = readlinkSync(`/proc/self/fd/${fd}`);
  if (what !== 'anon_inode:[eventfd]')
    throw badFrontEnd(`${what} to wake somebody with`);
}
