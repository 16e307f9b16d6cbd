import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { B3Digest } from '../../src/digest/b3-digest.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import { collectGarbage } from '../../src/local-store/collect/collect-garbage.ts';
import type { LocalStore } from '../../src/local-store/local-store.ts';
import { openLocalStore } from '../../src/local-store/open/open-local-store.ts';
import type { RawRecord } from '../../src/local-store/commit/prepare-records.ts';
import { RecordKind } from '../../src/local-store/packs/record.ts';
import { verifyLocalStore } from '../../src/local-store/verify/verify-store.ts';
import type { Node } from '../../src/node/node.ts';
import { randomBytes } from '../blob-service/random-bytes.ts';
import { SmallDisk } from './small-disk.ts';

const MIB = 1024 * 1024;
const DISK_BYTES = 24 * MIB;
const missing = SmallDisk.missing();

let disk: SmallDisk;
let store: LocalStore;
let nowMs: number;

async function reopen(): Promise<void> {
  await store?.close();
  store = await openLocalStore(path.join(disk.path, 'store'), {
    reserveBytes: 2 * MIB,
    packTargetBytes: MIB,
    threads: 0,
    now: () => nowMs,
  });
}

function record(seed: number, length: number): RawRecord {
  const bytes = randomBytes(length, seed);
  return { kind: RecordKind.chunk, key: hashBytes(bytes).bytes, bytes };
}

/** Answers whether it was taken; refused, it says that there is no space and nothing of it is there. */
async function isPut(put: RawRecord): Promise<boolean> {
  try {
    await store.put([put]);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'castore/no-space' });
    expect(store.has(RecordKind.chunk, put.key)).toBe(false);
    return false;
  }
}

/** Puts until nothing more goes in. */
async function fillWith(first: number, length: number): Promise<RawRecord[]> {
  const taken: RawRecord[] = [];
  for (let seed = first; ; seed += 1) {
    const next = record(seed, length);
    if (!(await isPut(next))) return taken;
    taken.push(next);
  }
}

function expectAll(records: readonly RawRecord[]): void {
  for (const { key, bytes } of records)
    expect(Buffer.compare(store.read(RecordKind.chunk, key)!, bytes)).toBe(0);
}

async function expectSound(): Promise<void> {
  const { damages } = await verifyLocalStore(store);
  expect(damages).toBe(0);
}

async function* nodesOf(records: readonly RawRecord[]): AsyncGenerator<Node> {
  for (const { key, bytes } of records)
    yield {
      type: 'file',
      digest: B3Digest.fromBytes(key),
      size: BigInt(bytes.length),
      executable: false,
    };
}

describe('a store on a disk without room', () => {
  if (missing !== undefined) {
    it(`is left to injected faults on this machine (skipped: ${missing})`, () => {
      expect(missing).not.toBe('');
    });
    return;
  }

  beforeEach(async () => {
    nowMs = Date.UTC(2026, 0, 1);
    disk = SmallDisk.create(DISK_BYTES);
    await reopen();
  });
  afterEach(async () => {
    await store.close();
    disk[Symbol.dispose]();
  });

  it('refuses writes, serves reads, is collected, and takes writes again', async () => {
    const taken = await fillWith(0, 64 * 1024);
    expect(taken.length).toBeGreaterThan(200);
    expectAll(taken);
    expect(await isPut(record(9999, 64 * 1024))).toBe(false);
    await store.interior.writing!.touches.flush();
    nowMs += 30 * 3_600_000;
    const kept = taken.filter((_, i) => i % 10 === 0);
    const { collected } = await collectGarbage(store, {
      roots: nodesOf(kept),
    });
    expect(collected.objects).toBeGreaterThan(100);
    expectAll(kept);
    expect(await isPut(record(9999, 64 * 1024))).toBe(true);
    const more = await fillWith(10_000, 64 * 1024);
    expect(more.length).toBeGreaterThan(100);
    // That it was verified can't be written down now.
    await expectSound();
    expect(await isPut(record(99_999, 64 * 1024))).toBe(false);
    await reopen();
    expectAll([...kept, ...more]);
    await expectSound();
  });

  it('refuses what its index has no room for, and holds all that it took', async () => {
    const taken = await fillWith(0, 512 * 1024);
    const makeRoom = disk.fill();
    let refused = 0;
    for (let seed = 100_000; refused < 50; seed += 1) {
      const small = record(seed, 50);
      if (await isPut(small)) taken.push(small);
      else refused += 1;
    }
    const table = store.table('names');
    await expect(
      table.put(Buffer.from('key'), Buffer.alloc(5000)),
    ).rejects.toMatchObject({ code: 'castore/no-space' });
    expectAll(taken);
    makeRoom();
    await table.put(Buffer.from('key'), Buffer.alloc(5000));
    expect(await isPut(record(9999, 50))).toBe(true);
    await reopen();
    expectAll(taken);
    await expectSound();
  });

  it('is opened although nothing can be written', async () => {
    const taken = await fillWith(0, 64 * 1024);
    const makeRoom = disk.fill();
    await reopen();
    expectAll(taken);
    expect(await isPut(record(9999, 64 * 1024))).toBe(false);
    makeRoom();
    await reopen();
    await expectSound();
  });

  it('takes writes again when there are inodes again', async () => {
    expect(await isPut(record(1, 2 * MIB))).toBe(true);
    const makeRoom = disk.fillInodes();
    // The first one filled its pack: the next needs a file.
    expect(await isPut(record(2, MIB))).toBe(false);
    expectAll([record(1, 2 * MIB)]);
    makeRoom();
    expect(await isPut(record(2, MIB))).toBe(true);
    await reopen();
    expectAll([record(1, 2 * MIB), record(2, MIB)]);
  });

  it('is open for reading alone while the disk is, and takes writes after', async () => {
    await store.put([record(1, 5000)]);
    await store.close();
    disk.remount('ro');
    await reopen();
    expectAll([record(1, 5000)]);
    await expect(store.put([record(2, 5000)])).rejects.toMatchObject({
      code: 'castore/store-read-only',
    });
    await store.close();
    disk.remount('rw');
    await reopen();
    await store.put([record(2, 5000)]);
    expectAll([record(1, 5000), record(2, 5000)]);
  });
});
