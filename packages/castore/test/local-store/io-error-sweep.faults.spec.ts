import fs from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { B3Digest } from '../../src/digest/b3-digest.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import { collectGarbage } from '../../src/local-store/collect/collect-garbage.ts';
import type { RawRecord } from '../../src/local-store/commit/prepare-records.ts';
import { RecordKind } from '../../src/local-store/packs/record.ts';
import { repairOpenStore } from '../../src/local-store/verify/repair-store.ts';
import type { Node } from '../../src/node/node.ts';
import { randomBytes } from '../blob-service/random-bytes.ts';
import { type Call, Faults, type Plan } from './faults.ts';
import { TemporaryStore } from './temporary-store.ts';

const HOUR_MS = 3_600_000;

/** A store that lives through everything that writes, and what its caller was told. */
class Life {
  readonly #faults: Faults;
  readonly #clock: { ms: number };
  readonly #temporary: TemporaryStore;
  /** By the number of the record: whether it was acknowledged or refused. Neither for what was damaged on purpose. */
  readonly #records = new Map<number, boolean>();
  readonly #values = new Map<string, string | undefined>();
  #hasFailed = false;

  private constructor(
    faults: Faults,
    clock: { ms: number },
    temporary: TemporaryStore,
  ) {
    this.#faults = faults;
    this.#clock = clock;
    this.#temporary = temporary;
  }

  static async begin(faults: Faults): Promise<Life> {
    const clock = { ms: Date.UTC(2026, 0, 1) };
    const temporary = await TemporaryStore.create({
      fileSystem: faults.fileSystem,
      openIndex: faults.openIndex,
      packTargetBytes: 20_000,
      threads: 0,
      now: () => clock.ms,
    });
    return new Life(faults, clock, temporary);
  }

  /** Puts, packs that fill, removals, a collection, a repair, and a restart that finds half a write. */
  async live(): Promise<void> {
    for (const number of [1, 2, 3, 4]) await this.#put(number);
    await this.#set('a', 'first');
    await this.#set('b', 'first');
    await this.#put(5, 25_000);
    await this.#set('a', 'second');
    await this.#set('b', undefined);
    for (const number of [6, 7, 8]) await this.#put(number, 9000);
    await this.#collect([1, 5, 6]);
    await this.#put(9);
    await this.#repair(9);
    await this.#put(10);
    await this.#restart();
    await this.#put(11);
    await this.#set('c', 'third');
  }

  /** Once nothing fails any more and it was opened again, the store has what was acknowledged, and nothing else. */
  async assertKept(): Promise<void> {
    this.#faults.lift();
    const store = await this.#temporary.reopen();
    for (const [number, wasAcknowledged] of this.#records) {
      const { key, bytes } = record(number);
      const found = store.read(RecordKind.chunk, key);
      if (wasAcknowledged !== (found !== undefined))
        throw new Error(`record ${number}: ${wasAcknowledged}`);
      if (found) expect(Buffer.compare(found, bytes)).toBe(0);
    }
    for (const [key, expected] of this.#values) {
      const value = store.table('t').get(Buffer.from(key));
      if ((value && Buffer.from(value).toString()) !== expected)
        throw new Error(`value ${key}: ${String(expected)}`);
    }
    await store.put([record(12)]);
  }

  async end(): Promise<void> {
    this.#faults.lift();
    await this.#temporary.destroy();
  }

  async #put(number: number, length?: number): Promise<void> {
    lengths.set(number, length ?? 3000);
    const { store } = this.#temporary;
    this.#records.set(
      number,
      await this.#isAcknowledged(() => store.put([record(number)])),
    );
  }

  async #set(key: string, value: string | undefined): Promise<void> {
    const table = this.#temporary.store.table('t');
    const change = {
      key: Buffer.from(key),
      value: value && Buffer.from(value),
    };
    if (await this.#isAcknowledged(() => table.batch([change as never])))
      this.#values.set(key, value);
  }

  async #collect(kept: readonly number[]): Promise<void> {
    this.#clock.ms += 30 * HOUR_MS;
    const { store } = this.#temporary;
    await this.#isDone(() => collectGarbage(store, { roots: nodes(kept) }));
    // Whether garbage went already is nobody's business.
    for (const number of [...this.#records.keys()])
      if (!kept.includes(number) && this.#records.get(number) === true)
        this.#records.delete(number);
  }

  async #repair(damaged: number): Promise<void> {
    const { store } = this.#temporary;
    const { key } = record(damaged);
    for (const file of this.#temporary.packFiles()) {
      const bytes = fs.readFileSync(file);
      const at = bytes.indexOf(Buffer.from(key));
      if (at < 0) continue;
      const fd = fs.openSync(file, 'r+');
      fs.writeSync(fd, Buffer.of(bytes[at + 500]! ^ 1), 0, 1, at + 500);
      fs.closeSync(fd);
      this.#records.delete(damaged);
    }
    await this.#isDone(() => repairOpenStore(store));
  }

  async #restart(): Promise<void> {
    await this.#temporary.close();
    const pack = this.#temporary.packFiles().at(-1);
    if (pack !== undefined) fs.appendFileSync(pack, Buffer.alloc(500));
    const wasOpened = await this.#isDone(async () => {
      await this.#temporary.reopen();
    });
    // Whoever restarts a program restarts it again.
    if (!wasOpened) {
      this.#faults.lift();
      await this.#temporary.reopen();
    }
    this.#hasFailed = false;
  }

  /** After the first failure no write is acknowledged until the store is opened again. */
  async #isAcknowledged(write: () => Promise<unknown>): Promise<boolean> {
    const isDone = await this.#isDone(write);
    if (isDone && this.#hasFailed)
      throw new Error('a write was acknowledged after a failure');
    return isDone;
  }

  async #isDone(act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act();
    } catch (error) {
      const { code } = error as { code?: string };
      expect(['castore/store-failed', 'castore/io']).toContain(code);
      this.#hasFailed = true;
      return false;
    }
    return true;
  }
}

const lengths = new Map<number, number>();

function record(number: number): RawRecord {
  const bytes = randomBytes(lengths.get(number) ?? 3000, number);
  return { kind: RecordKind.chunk, key: hashBytes(bytes).bytes, bytes };
}

async function* nodes(numbers: readonly number[]): AsyncGenerator<Node> {
  for (const number of numbers) {
    const { key, bytes } = record(number);
    yield {
      type: 'file',
      digest: B3Digest.fromBytes(key),
      size: BigInt(bytes.length),
      executable: false,
    };
  }
}

async function liveThrough(plan: Plan | undefined): Promise<Faults> {
  const faults = new Faults();
  const life = await Life.begin(faults);
  try {
    if (plan !== undefined) faults.plan(plan);
    await life.live();
    await life.assertKept();
  } finally {
    await life.end();
  }
  return faults;
}

describe.each<Call>(['writev', 'fdatasync', 'fsync', 'ftruncate', 'commit'])(
  'an I/O error of each %s there is',
  (call) => {
    it.each([
      ['once', false],
      ['for ever', true],
    ])(
      'refuses, acknowledges nothing more, and leaves nothing of it behind (%s)',
      async (_, isForEver) => {
        const { calls } = await liveThrough(undefined);
        const count = calls.get(call)!;
        expect(count).toBeGreaterThan(0);
        for (let nth = 1; nth <= count; nth += 1) {
          try {
            await liveThrough({ call, nth, isForEver });
          } catch (cause) {
            throw new Error(`${call} ${nth} of ${count}`, { cause });
          }
        }
      },
      120_000,
    );
  },
);
