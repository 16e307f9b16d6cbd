import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LmdbIndex } from '../../../src/local-store/index/lmdb-index.ts';
import {
  IndexSpace,
  type IndexWrite,
} from '../../../src/local-store/index/store-index.ts';
import { RecordKind } from '../../../src/local-store/packs/record.ts';
import type { Receipts } from '../../../src/local-store/receipts/receipts.ts';
import { repairLocalStore } from '../../../src/local-store/verify/repair-store.ts';
import type { Node } from '../../../src/node/node.ts';
import { randomBytes } from '../../blob-service/random-bytes.ts';
import { ClockedStore } from '../collect/clocked-store.ts';
import { indexWithCommit } from '../index-with-commit.ts';
import { TemporaryStore } from '../temporary-store.ts';

let store: ClockedStore;
let node: Node & { readonly type: 'file' };
let receipt: Uint8Array;
/** The disk takes no removals. */
let refusesRemovals: boolean;
let commits: (readonly IndexWrite[])[] = [];

const receipts = (): Receipts => store.local.receipts!;

async function give(): Promise<Uint8Array> {
  return (await receipts().give(receipts().moment))!;
}

beforeEach(async () => {
  refusesRemovals = false;
  store = await ClockedStore.create({
    packTargetBytes: 20_000,
    openIndex: (directory, options) => {
      const index = LmdbIndex.open(directory, options);
      return indexWithCommit(index, async (writes, commitOptions) => {
        commits.push(writes);
        if (refusesRemovals && writes.some(({ value }) => value === undefined))
          throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        return index.commit(writes, commitOptions);
      });
    },
  });
  node = (await store.putBlob(randomBytes(9000, 1))) as typeof node;
  for (let i = 2; i < 8; i++) await store.putBlob(randomBytes(9000, i));
  receipt = await give();
});
afterEach(() => store.temporary.destroy());

function isLoss({ key, value }: IndexWrite): boolean {
  return key[0] === IndexSpace.chunk && value === undefined;
}

function edit(file: string, change: (bytes: Buffer) => Buffer | void): void {
  const bytes = fs.readFileSync(file);
  fs.writeFileSync(file, change(bytes) ?? bytes);
}

function damageFirstBlob(): void {
  edit(store.temporary.packFiles()[0]!, (bytes) => {
    bytes[4000]! ^= 1;
  });
}

describe('a receipt', () => {
  it('is held in later runs', async () => {
    expect(receipts().holds(receipt)).toBe(true);
    await store.temporary.reopen();
    expect(receipts().holds(receipt)).toBe(true);
  });

  it('is held through puts, and through removals from tables', async () => {
    await store.putBlob(randomBytes(9000, 9));
    const table = store.local.table('names');
    await table.put(Buffer.from('a'), Buffer.from('b'));
    await table.batch([{ key: Buffer.from('a'), value: undefined }]);
    expect(receipts().holds(receipt)).toBe(true);
  });

  it('is held through a collection that removes nothing', async () => {
    await store.collect([]);
    expect(receipts().holds(receipt)).toBe(true);
  });

  it('is taken back by a collection that removes anything', async () => {
    await store.passHours(25);
    await store.collect([node]);
    expect(await store.blobs.has(node.digest)).toBe(true);
    expect(receipts().holds(receipt)).toBe(false);
    expect(receipts().holds(await give())).toBe(true);
  });

  it('is taken back in the transaction that removes the first record', async () => {
    commits = [];
    await store.passHours(25);
    await store.collect([]);
    const removing = commits.find((writes) => writes.some(isLoss))!;
    const taken = removing.filter(({ key }) => key[0] === IndexSpace.receipts);
    expect(taken).toEqual([
      {
        key: Buffer.concat([Buffer.of(IndexSpace.receipts), receipt]),
        value: undefined,
      },
    ]);
  });

  it('is taken back by damage that is noticed', async () => {
    damageFirstBlob();
    expect(() => store.local.read(RecordKind.chunk, node.digest.bytes)).toThrow(
      expect.objectContaining({ code: 'castore/corrupt-store' }),
    );
    expect(receipts().holds(receipt)).toBe(false);
    await store.temporary.reopen();
    expect(receipts().holds(receipt)).toBe(false);
  });

  it('is not held, and none is given, while the index cannot forget what is damaged', async () => {
    refusesRemovals = true;
    damageFirstBlob();
    expect(() => store.local.read(RecordKind.chunk, node.digest.bytes)).toThrow(
      expect.objectContaining({ code: 'castore/corrupt-store' }),
    );
    expect(receipts().holds(receipt)).toBe(false);
    expect(await receipts().give(receipts().moment)).toBeUndefined();
    expect(receipts().holds(receipt)).toBe(false);
  });

  it('is not given for what was found before something was lost', async () => {
    const { moment } = receipts();
    await store.passHours(25);
    await store.collect([node]);
    expect(await receipts().give(moment)).toBeUndefined();
  });

  it('is taken back by a repair that moves a pack to the quarantine', async () => {
    damageFirstBlob();
    await store.temporary.close();
    const repaired = await repairLocalStore(() => store.temporary.reopen());
    expect(repaired.result.quarantinedPacks).toBe(1);
    expect(receipts().holds(receipt)).toBe(false);
  });

  it.each<[string, () => void]>([
    ['is gone', () => fs.rmSync(store.temporary.packFiles()[0]!)],
    [
      'was cut off',
      () =>
        edit(store.temporary.packFiles()[0]!, (bytes) =>
          bytes.subarray(0, 900),
        ),
    ],
    [
      'that is open was cut off',
      () =>
        edit(store.temporary.packFiles().at(-1)!, (bytes) =>
          bytes.subarray(0, -8),
        ),
    ],
  ])(
    'is taken back when the store is opened and a pack %s',
    async (_, lose) => {
      await store.temporary.close();
      lose();
      await store.temporary.reopen();
      expect(receipts().holds(receipt)).toBe(false);
    },
  );

  it('is not known to an index that is made again from the packs', async () => {
    await store.temporary.close();
    fs.rmSync(store.temporary.path('meta'), { recursive: true });
    await store.temporary.reopen();
    expect(await store.blobs.has(node.digest)).toBe(true);
    expect(receipts().holds(receipt)).toBe(false);
  });

  it('is not known to a store that was put back as it was before', async () => {
    await store.temporary.close();
    const backup = store.temporary.path('..', `backup-of-${process.pid}`);
    fs.cpSync(store.temporary.directory, backup, { recursive: true });
    await store.temporary.reopen();
    await store.putBlob(randomBytes(9000, 9));
    const later = await give();
    await store.temporary.close();
    fs.rmSync(store.temporary.directory, { recursive: true });
    fs.renameSync(backup, store.temporary.directory);
    await store.temporary.reopen();
    expect(receipts().holds(later)).toBe(false);
    expect(receipts().holds(receipt)).toBe(true);
  });

  it('is taken back where an old copy of the index came back', async () => {
    await store.temporary.close();
    fs.cpSync(store.temporary.path('meta'), store.temporary.path('old'), {
      recursive: true,
    });
    await store.temporary.reopen();
    await store.passHours(25);
    await store.collect([]);
    await store.temporary.close();
    fs.rmSync(store.temporary.path('meta'), { recursive: true });
    fs.renameSync(store.temporary.path('old'), store.temporary.path('meta'));
    await store.temporary.reopen();
    expect(receipts().holds(receipt)).toBe(false);
  });

  it('is not known to another store', async () => {
    const other = await TemporaryStore.create();
    expect(other.store.receipts!.holds(receipt)).toBe(false);
    await other.destroy();
  });

  it('makes room for younger ones', async () => {
    for (let i = 1; i < 1024; i++) {
      await store.passHours(0.001);
      await give();
    }
    expect(receipts().holds(receipt)).toBe(true);
    await store.passHours(0.001);
    expect(receipts().holds(await give())).toBe(true);
    expect(receipts().holds(receipt)).toBe(false);
  });

  it('does not exist for a store that is open for reading alone', async () => {
    await store.temporary.reopen({ readOnly: true });
    expect(store.local.receipts).toBeUndefined();
  });
});
