import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LocalBlobService } from '../../../src/blob-service/local.ts';
import { LocalDirectoryService } from '../../../src/directory-service/local.ts';
import { CastoreError } from '../../../src/errors.ts';
import { LmdbIndex } from '../../../src/local-store/index/lmdb-index.ts';
import { recordIndexKey } from '../../../src/local-store/index/store-index.ts';
import { RecordKind } from '../../../src/local-store/packs/record.ts';
import type { Damage } from '../../../src/local-store/verify/damage.ts';
import { repairOpenStore } from '../../../src/local-store/verify/repair-store.ts';
import { directoryOf, fileNode } from '../collect/clocked-store.ts';
import { indexWithCommit } from '../index-with-commit.ts';
import { TemporaryStore } from '../temporary-store.ts';

let temporary: TemporaryStore;
/** The index can't be read where it holds this key. */
let unreadable: Buffer | undefined;

beforeEach(async () => {
  unreadable = undefined;
  temporary = await TemporaryStore.create({
    openIndex: (directory, options) => {
      const index = LmdbIndex.open(directory, options);
      return {
        ...indexWithCommit(index, (...args) => index.commit(...args)),
        get(key) {
          if (unreadable?.equals(key) === true)
            throw new CastoreError('castore/io', 'cannot read the index');
          return index.get(key);
        },
      };
    },
  });
});
afterEach(() => temporary.destroy());

describe('verifying a store', () => {
  it('does not take an index that cannot be read for damage of what leads there', async () => {
    const { store } = temporary;
    const contents = Buffer.from('contents');
    const [digest] = await new LocalBlobService(store).putMany([contents]);
    const directory = directoryOf([fileNode(digest!, contents.length)]);
    await new LocalDirectoryService(store).put(directory);
    unreadable = recordIndexKey(RecordKind.chunk, digest!.bytes);
    const damages: Damage[] = [];
    const repair = repairOpenStore(store, {
      onDamage: (damage) => void damages.push(damage),
    });
    await expect(repair).rejects.toMatchObject({ code: 'castore/io' });
    expect(damages).toEqual([]);
  });
});
