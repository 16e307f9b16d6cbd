import { setTimeout as delay } from 'node:timers/promises';
import { CastoreError } from '../../errors.ts';
import { readOnlyFailure } from '../store-failure.ts';
import type { LocalStore } from '../local-store.ts';
import { assertKnownFeatures } from '../open/store-format.ts';
import { type Damage } from './damage.ts';
import { noteVerified } from './note-verified.ts';
import {
  readScrubState,
  type ScrubPass,
  type ScrubState,
  writeScrubState,
} from './scrub-state.ts';
import { verifyPacks } from './verify-packs.ts';
import { verifyRecords } from './verify-records.ts';

/** How a store is looked through in the background. */
export interface ScrubOptions {
  /** No more is read than this, on average; the smallest record counts for 4 KiB. */
  readonly bytesPerSecond: number;
  /** From the end of a pass to the start of the next. */
  readonly intervalMs: number;
  /** Hears of each damage when it is found. */
  readonly onDamage?: (damage: Damage) => void;
  /** Hears of each pass that is over. */
  readonly onFinished?: (pass: Omit<ScrubPass, 'after'>) => void;
  /** Hears why there won't be another pass until the store is opened again. */
  readonly onFailure?: (error: unknown) => void;
}

/** How often the place is written down, in milliseconds. */
const SAVE_EVERY_MS = 30_000;
/** Clocks are set, and machines sleep: what is due is looked up at least so often, in milliseconds. */
const LOOK_EVERY_MS = 60 * 60 * 1000;

/**
 * Looks through a store that is open for writing, slowly, again and again: what nobody reads is damaged without anybody
 * knowing. It changes nothing but what it remembers: where it is, and what it found; a restart goes on from there.
 */
export class Scrub implements AsyncDisposable {
  readonly #store: LocalStore;
  readonly #options: ScrubOptions;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  private constructor(store: LocalStore, options: ScrubOptions) {
    this.#store = store;
    this.#options = options;
    this.#ended = this.#run().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) options.onFailure?.(error);
    });
  }

  /**
   * Starts looking, at once where a pass is under way or due.
   *
   * @throws CastoreError `castore/store-format`, `castore/store-read-only`
   */
  static start(store: LocalStore, options: ScrubOptions): Scrub {
    assertKnownFeatures(store.format, 'check');
    if (store.isReadOnly) {
      throw readOnlyFailure(store.directory);
    }
    return new Scrub(store, options);
  }

  /** Stops at the next record, and remembers where. Before the store is closed. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      const state = readScrubState(this.#store.interior.index);
      let waitMs = state.pass === undefined ? this.#dueInMs(state) : 0;
      if (waitMs <= 0) {
        try {
          await this.#pass(state.pass);
          continue;
        } catch (error) {
          if (!isNoSpace(error)) throw error;
          waitMs = LOOK_EVERY_MS;
        }
      }
      await delay(Math.min(waitMs, LOOK_EVERY_MS), undefined, { signal });
    }
  }

  #dueInMs({ finishedMs }: ScrubState): number {
    if (finishedMs === undefined) return 0;
    const { now } = this.#store.interior;
    return finishedMs + this.#options.intervalMs - now();
  }

  async #pass(begun: ScrubPass | undefined): Promise<void> {
    const { signal } = this.#stop;
    const { now } = this.#store.interior;
    let pass = begun ?? newPass(now());
    const damagedPacks = new Set<number | undefined>(pass.damagedPacks);
    let damages = pass.damages;
    let savedMs = performance.now();
    const report = (damage: Damage): void => {
      damages += 1;
      damagedPacks.add(damage.pack);
      this.#options.onDamage?.(damage);
    };
    const snapshot = (): ScrubPass => ({
      ...pass,
      damages,
      damagedPacks: [...damagedPacks].filter((number) => number !== undefined),
    });
    try {
      await verifyRecords(this.#store, {
        after: pass.after === '' ? undefined : Buffer.from(pass.after, 'hex'),
        bytesPerSecond: this.#options.bytesPerSecond,
        report,
        signal,
        onPage: async ({ records, bytes, last }) => {
          pass = {
            ...snapshot(),
            after: Buffer.from(last).toString('hex'),
            records: pass.records + records,
            bytes: pass.bytes + bytes,
          };
          if (performance.now() - savedMs < SAVE_EVERY_MS) return;
          await this.#save(pass);
          savedMs = performance.now();
        },
      });
      await verifyPacks(this.#store, report, signal);
    } catch (error) {
      // What was found since the last page is found again.
      if (signal.aborted) await this.#save(pass);
      throw error;
    }
    const { startedMs } = pass;
    await noteVerified(this.#store, { startedMs, damages, damagedPacks });
    this.#options.onFinished?.(snapshot());
  }

  /** Where a full disk has no room for it, a restart goes on from further back. */
  async #save(pass: ScrubPass): Promise<void> {
    const { index, writing } = this.#store.interior;
    try {
      await writing!.queue.amend(() => [
        writeScrubState({ ...readScrubState(index), pass }),
      ]);
    } catch (error) {
      if (!isNoSpace(error)) throw error;
    }
  }
}

function isNoSpace(error: unknown): boolean {
  return error instanceof CastoreError && error.code === 'castore/no-space';
}

function newPass(startedMs: number): ScrubPass {
  return {
    startedMs,
    after: '',
    records: 0,
    bytes: 0,
    damages: 0,
    damagedPacks: [],
  };
}
