import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashBytes } from '../../src/digest/hasher.ts';
import type { RawRecord } from '../../src/local-store/commit/prepare-records.ts';
import { RecordKind } from '../../src/local-store/packs/record.ts';
import { randomBytes } from '../blob-service/random-bytes.ts';
import { Faults } from './faults.ts';
import { TemporaryStore } from './temporary-store.ts';

function record(seed: number, length = 3000): RawRecord {
  const bytes = randomBytes(length, seed);
  return { kind: RecordKind.chunk, key: hashBytes(bytes).bytes, bytes };
}

let faults: Faults;
let temporary: TemporaryStore;

beforeEach(async () => {
  faults = new Faults();
  temporary = await TemporaryStore.create({
    fileSystem: faults.fileSystem,
    openIndex: faults.openIndex,
    packTargetBytes: 20_000,
  });
  await temporary.store.put([record(1)]);
});

afterEach(() => temporary.destroy());

function has({ key }: RawRecord): boolean {
  return temporary.store.has(RecordKind.chunk, key);
}

describe.each(['writev', 'fdatasync', 'commit'] as const)(
  'an I/O error of %s',
  (call) => {
    it('ends all writing, and reading goes on', async () => {
      faults.failing.set(call, 'EIO');
      await expect(temporary.store.put([record(2)])).rejects.toMatchObject({
        code: 'castore/store-failed',
        cause: { code: 'EIO' },
      });
      faults.failing.clear();
      await expect(temporary.store.put([record(3)])).rejects.toMatchObject({
        code: 'castore/store-failed',
      });
      await expect(
        temporary.store.table('t').put(Buffer.from('a'), Buffer.from('b')),
      ).rejects.toMatchObject({ code: 'castore/store-failed' });
      expect(has(record(1))).toBe(true);
      expect(has(record(2))).toBe(false);
    });

    it('leaves nothing of what it refused to the next run', async () => {
      faults.failing.set(call, 'EIO');
      await expect(temporary.store.put([record(2)])).rejects.toThrow();
      faults.failing.clear();
      await temporary.reopen();
      expect(has(record(1))).toBe(true);
      expect(has(record(2))).toBe(false);
      await temporary.store.put([record(2)]);
      expect(has(record(2))).toBe(true);
    });
  },
);

describe.each(['writev', 'fdatasync', 'commit'] as const)(
  'a disk that is full at %s',
  (call) => {
    it('refuses the write, gives its room back, and takes writes again once there is room', async () => {
      const pack = temporary.packFiles()[0]!;
      const { size } = fs.statSync(pack);
      faults.failing.set(call, 'ENOSPC');
      await expect(temporary.store.put([record(2)])).rejects.toMatchObject({
        code: 'castore/no-space',
        cause: { code: 'ENOSPC' },
      });
      expect(fs.statSync(pack).size).toBe(size);
      expect(has(record(2))).toBe(false);
      expect(has(record(1))).toBe(true);
      faults.failing.clear();
      await temporary.store.put([record(2)]);
      await temporary.reopen();
      expect(has(record(2))).toBe(true);
    });
  },
);

describe('a local store', () => {
  it('takes back the half of a write that found room', async () => {
    const pack = temporary.packFiles()[0]!;
    const { size } = fs.statSync(pack);
    faults.room = 1000;
    await expect(temporary.store.put([record(2)])).rejects.toMatchObject({
      code: 'castore/no-space',
    });
    expect(fs.statSync(pack).size).toBe(size);
  });

  it('writes right after a refusal that it could not take back', async () => {
    faults.failing.set('writev', 'EROFS').set('ftruncate', 'EROFS');
    await expect(temporary.store.put([record(2)])).rejects.toMatchObject({
      code: 'castore/io',
    });
    faults.failing.clear();
    await temporary.store.put([record(3)]);
    await temporary.reopen();
    expect(has(record(3))).toBe(true);
    expect(has(record(2))).toBe(false);
  });

  it('serves and takes again what it had no descriptors for', async () => {
    await temporary.store.put([record(2, 30_000)]);
    await temporary.reopen();
    faults.failing.set('openSync', 'EMFILE');
    const { kind, key } = record(2, 30_000);
    expect(() => temporary.store.read(kind as 1, key)).toThrow(
      expect.objectContaining({ code: 'castore/io' }),
    );
    // The pack is full, so that this one needs another.
    await expect(temporary.store.put([record(3)])).rejects.toMatchObject({
      code: 'castore/io',
    });
    faults.failing.clear();
    expect(temporary.store.read(kind as 1, key)).toHaveLength(30_000);
    await temporary.store.put([record(3)]);
    expect(has(record(3))).toBe(true);
  });

  it('refuses all of a batch or none, across the calls that shared a round', async () => {
    faults.room = 10_000;
    const outcomes = await Promise.allSettled(
      [2, 3, 4, 5, 6].map((seed) => temporary.store.put([record(seed)])),
    );
    for (const [i, { status }] of outcomes.entries())
      expect(has(record(i + 2))).toBe(status === 'fulfilled');
  });

  it('is healed by a put although the index could not forget what was damaged', async () => {
    const { key } = record(1);
    await temporary.close();
    const pack = temporary.packFiles()[0]!;
    const bytes = fs.readFileSync(pack);
    bytes[200]! ^= 1;
    fs.writeFileSync(pack, bytes);
    const store = await temporary.reopen();
    faults.failing.set('commit', 'ENOSPC');
    expect(() => store.read(RecordKind.chunk, key)).toThrow(
      expect.objectContaining({ code: 'castore/corrupt-store' }),
    );
    expect(has(record(1))).toBe(false);
    await expect(store.put([record(1)])).rejects.toMatchObject({
      code: 'castore/no-space',
    });
    faults.failing.clear();
    await store.put([record(1)]);
    expect(store.read(RecordKind.chunk, key)).toHaveLength(3000);
  });

  it('keeps a pack open whose footer found no room, and loses nothing', async () => {
    faults.failing.set('fsync', 'ENOSPC');
    await temporary.store.put([record(2, 30_000)]);
    await temporary.store.put([record(3)]);
    faults.failing.clear();
    await temporary.store.put([record(4)]);
    await temporary.reopen();
    for (const put of [record(1), record(2, 30_000), record(3), record(4)])
      expect(has(put)).toBe(true);
  });
});
