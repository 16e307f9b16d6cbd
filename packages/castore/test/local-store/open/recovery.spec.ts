import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashBytes } from '../../../src/digest/hasher.ts';
import type { RawRecord } from '../../../src/local-store/commit/prepare-records.ts';
import { RecordKind } from '../../../src/local-store/packs/record.ts';
import { randomBytes } from '../../blob-service/random-bytes.ts';
import { Faults } from '../faults.ts';
import { TemporaryStore } from '../temporary-store.ts';

let temporary: TemporaryStore;
let records: RawRecord[];

beforeEach(async () => {
  temporary = await TemporaryStore.create({ packTargetBytes: 60_000 });
  records = Array.from({ length: 40 }, (_, i) => {
    const bytes =
      i % 2 === 0
        ? randomBytes(5000 + i, i)
        : Buffer.from(`record ${i} `.repeat(500));
    return { kind: RecordKind.chunk, key: hashBytes(bytes).bytes, bytes };
  });
  for (const record of records) await temporary.store.put([record]);
  await temporary.store.table('names').put(Buffer.from('a'), Buffer.from('b'));
  await temporary.close();
});

afterEach(() => temporary.destroy());

/** The numbers of those records that are there, each of them read and compared. */
function present(): number[] {
  const { store } = temporary;
  return records.flatMap(({ key, bytes }, i) => {
    const found = store.read(RecordKind.chunk, key);
    if (found === undefined) return [];
    expect(Buffer.compare(found, bytes)).toBe(0);
    return [i];
  });
}

function expectAll(): void {
  expect(present()).toEqual(records.map((_, i) => i));
  const value = temporary.store.table('names').get(Buffer.from('a'));
  expect(Buffer.from(value!).toString()).toBe('b');
}

function edit(file: string, change: (bytes: Buffer) => Buffer | void): void {
  const bytes = fs.readFileSync(file);
  fs.writeFileSync(file, change(bytes) ?? bytes);
}

describe('opening a store', () => {
  it('cuts off what was written behind the last commit', async () => {
    const last = temporary.packFiles().at(-1)!;
    const { size } = fs.statSync(last);
    fs.appendFileSync(last, randomBytes(1000, 1));
    await temporary.reopen();
    expect(fs.statSync(last).size).toBe(size);
    expectAll();
  });

  it('goes on with the open pack, and its footer then lists all of it', async () => {
    const before = temporary.packFiles().length;
    await temporary.reopen();
    const more = randomBytes(50_000, 99);
    const key = hashBytes(more).bytes;
    await temporary.store.put([{ kind: RecordKind.chunk, key, bytes: more }]);
    await temporary.close();
    expect(temporary.packFiles()).toHaveLength(before);
    fs.rmSync(temporary.path('meta'), { recursive: true });
    await temporary.reopen();
    expectAll();
    expect(temporary.store.has(RecordKind.chunk, key)).toBe(true);
  });

  it.each([
    [
      'is missing',
      () => fs.rmSync(temporary.path('meta'), { recursive: true }),
    ],
    ['is empty', () => fs.truncateSync(temporary.path('meta', 'data.mdb'), 0)],
    [
      'is cut off',
      () => fs.truncateSync(temporary.path('meta', 'data.mdb'), 8192),
    ],
    [
      'is noise',
      () =>
        edit(temporary.path('meta', 'data.mdb'), (bytes) =>
          randomBytes(bytes.length, 5),
        ),
    ],
    [
      'was marked',
      () => fs.writeFileSync(temporary.path('meta', 'rebuild'), ''),
    ],
  ])('rebuilds an index that %s from the packs alone', async (_, damage) => {
    damage();
    await temporary.reopen();
    expectAll();
    await temporary.reopen();
    expectAll();
  });

  it('keeps an index that it replaces', async () => {
    fs.truncateSync(temporary.path('meta', 'data.mdb'), 0);
    await temporary.reopen();
    expect(fs.readdirSync(temporary.path('quarantine'))).toEqual([
      expect.stringMatching(/^meta-/),
    ]);
  });

  it('loses no more than the damaged record when it rebuilds from a damaged pack', async () => {
    // Without its footer, a pack is walked from record to record.
    const first = temporary.packFiles()[0]!;
    edit(first, (bytes) => {
      const at = bytes.indexOf(Buffer.from(records[2]!.key));
      bytes[at] = bytes[at]! ^ 1;
      return bytes.subarray(0, bytes.length - 8);
    });
    fs.rmSync(temporary.path('meta'), { recursive: true });
    await temporary.reopen();
    expect(present()).toEqual(records.map((_, i) => i).filter((i) => i !== 2));
  });

  it('finds records although the header of their pack is gone', async () => {
    edit(temporary.packFiles()[0]!, (bytes) => void bytes.fill(0, 0, 64));
    fs.rmSync(temporary.path('meta'), { recursive: true });
    await temporary.reopen();
    expectAll();
  });

  it('takes no bytes for a record that only look like one', async () => {
    await temporary.reopen();
    const forged = fs.readFileSync(temporary.packFiles()[0]!);
    const bytes = Buffer.concat([randomBytes(8, 3), forged.subarray(64)]);
    const key = hashBytes(bytes).bytes;
    await temporary.store.put([{ kind: RecordKind.chunk, key, bytes }]);
    await temporary.close();
    // The real ones go; the blob that holds a copy of their pack must not bring them back.
    fs.rmSync(temporary.packFiles()[0]!);
    edit(temporary.packFiles().at(-1)!, (pack) => pack.subarray(0, -8));
    fs.rmSync(temporary.path('meta'), { recursive: true });
    await temporary.reopen();
    const { store } = temporary;
    expect(store.has(RecordKind.chunk, records[0]!.key)).toBe(false);
  });

  it('misses exactly the records of a pack that is gone, and takes them again', async () => {
    fs.rmSync(temporary.packFiles()[1]!);
    await temporary.reopen();
    const found = present();
    expect(found.length).toBeGreaterThan(20);
    expect(found.length).toBeLessThan(40);
    await temporary.store.put(records);
    expectAll();
  });

  it('serves what is left of a pack that was cut off', async () => {
    const last = temporary.packFiles().at(-1)!;
    const { size } = fs.statSync(last);
    fs.truncateSync(last, size - 6000);
    await temporary.reopen();
    expect(present().length).toBeGreaterThan(30);
    await temporary.store.put(records);
    await temporary.reopen();
    expect(present()).toHaveLength(records.length);
  });

  it.each([1, 40, 64])(
    'does not count on a record whose last %i bytes were cut off',
    async (bytes) => {
      await temporary.reopen();
      const contents = randomBytes(5000, 77);
      const key = hashBytes(contents).bytes;
      const record = { kind: RecordKind.chunk, key, bytes: contents };
      await temporary.store.put([record]);
      await temporary.close();
      const last = temporary.packFiles().at(-1)!;
      fs.truncateSync(last, fs.statSync(last).size - bytes);
      await temporary.reopen();
      expect(temporary.store.has(RecordKind.chunk, key)).toBe(false);
      await temporary.store.put([record]);
      const found = temporary.store.read(RecordKind.chunk, key);
      expect(Buffer.compare(found!, contents)).toBe(0);
    },
  );

  it('opens on a full disk, although an older pack has no footer', async () => {
    edit(temporary.packFiles()[0]!, (bytes) => bytes.subarray(0, -8));
    fs.rmSync(temporary.path('meta'), { recursive: true });
    const faults = new Faults();
    faults.room = 0;
    await temporary.reopen({ fileSystem: faults.fileSystem });
    expectAll();
    await temporary.reopen();
    expectAll();
  });

  it('does not take a refusal to open the index for damage', async () => {
    await expect(
      temporary.reopen({
        readOnly: true,
        openIndex: () => {
          throw Object.assign(new Error('refused'), { code: 'EMFILE' });
        },
      }),
    ).rejects.toMatchObject({ code: 'castore/io' });
  });

  it('enters packs that the index does not know, as after an old copy of it came back', async () => {
    fs.cpSync(temporary.path('meta'), temporary.path('old'), {
      recursive: true,
    });
    await temporary.reopen();
    const more = Array.from({ length: 30 }, (_, i) => {
      const bytes = randomBytes(9000, 1000 + i);
      return { kind: RecordKind.chunk, key: hashBytes(bytes).bytes, bytes };
    });
    for (const record of more) await temporary.store.put([record]);
    await temporary.close();
    fs.rmSync(temporary.path('meta'), { recursive: true });
    fs.renameSync(temporary.path('old'), temporary.path('meta'));
    await temporary.reopen();
    const known = more.filter(({ key }) =>
      temporary.store.has(RecordKind.chunk, key),
    );
    expect(known.length).toBeGreaterThan(15);
    expectAll();
  });

  it('writes a FORMAT that was deleted anew, with the same store id', async () => {
    const before = JSON.parse(
      fs.readFileSync(temporary.path('FORMAT'), 'utf8'),
    ) as { storeId: string };
    fs.rmSync(temporary.path('FORMAT'));
    await temporary.reopen();
    expect(temporary.store.format.storeId).toBe(before.storeId);
    expectAll();
  });

  it.each([
    [
      'of an earlier version',
      { version: 0 },
      /copy the store with that program/,
    ],
    ['of a later version', { version: 2 }, /use the program that wrote it/],
    [
      'with a feature that must be known',
      {
        mandatory: { read: [], write: ['sparse'], gc: [], check: [] },
      },
      /use that program, or a later one/,
    ],
    ['that is damaged', { storeId: 'x' }, /move it aside/],
  ])('refuses a store %s, and says what to do', async (_, change, advice) => {
    edit(temporary.path('FORMAT'), (bytes) =>
      Buffer.from(
        JSON.stringify({
          ...(JSON.parse(bytes.toString()) as object),
          ...change,
        }),
      ),
    );
    await expect(temporary.reopen()).rejects.toMatchObject({
      code: 'castore/store-format',
      message: expect.stringMatching(advice),
    });
  });

  it('reads a store that needs a feature only for writing', async () => {
    edit(temporary.path('FORMAT'), (bytes) =>
      Buffer.from(bytes.toString().replace('"write": []', '"write": ["x"]')),
    );
    await temporary.reopen({ readOnly: true });
    expectAll();
  });

  it('refuses a directory that holds something else', async () => {
    fs.rmSync(temporary.path('FORMAT'));
    fs.writeFileSync(temporary.path('diary.txt'), 'dear diary');
    await expect(temporary.reopen()).rejects.toMatchObject({
      code: 'castore/store-format',
    });
  });
});
