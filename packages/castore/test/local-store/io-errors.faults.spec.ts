import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashBytes } from '../../src/digest/hasher.ts';
import {
  type FileSystem,
  nodeFileSystem,
} from '../../src/local-store/file-system.ts';
import { LmdbIndex } from '../../src/local-store/lmdb-index.ts';
import type { RawRecord } from '../../src/local-store/prepare-records.ts';
import { RecordKind } from '../../src/local-store/record.ts';
import type { StoreIndex } from '../../src/local-store/store-index.ts';
import { randomBytes } from '../blob-service/random-bytes.ts';
import { TemporaryStore } from './temporary-store.ts';

type Call = 'writev' | 'fdatasync' | 'fsync' | 'ftruncate' | 'commit';

/** Lets calls fail with an error number, from now until told otherwise. */
class Faults {
  readonly failing = new Map<Call, string>();
  /** Bytes that writes may still take before they fail; half of a write is written. */
  room = Infinity;

  readonly fileSystem: FileSystem = {
    ...nodeFileSystem,
    writev: async (fd, buffers, position) => {
      this.#check('writev');
      const length = buffers.reduce((sum, { length }) => sum + length, 0);
      if (length <= this.room) {
        this.room -= length;
        return nodeFileSystem.writev(fd, buffers, position);
      }
      const part = Buffer.concat(buffers).subarray(0, this.room);
      this.room = 0;
      if (part.length === 0) throw failure('ENOSPC');
      return nodeFileSystem.writev(fd, [part], position);
    },
    fdatasync: async (fd) => {
      this.#check('fdatasync');
      await nodeFileSystem.fdatasync(fd);
    },
    fsync: async (fd) => {
      this.#check('fsync');
      await nodeFileSystem.fsync(fd);
    },
    ftruncate: async (fd, length) => {
      this.#check('ftruncate');
      await nodeFileSystem.ftruncate(fd, length);
    },
  };

  readonly openIndex = (
    directory: string,
    options: { readonly readOnly: boolean },
  ): StoreIndex => {
    const index = LmdbIndex.open(directory, options);
    return {
      get: (key) => index.get(key),
      range: (range) => index.range(range),
      count: () => index.count(),
      close: () => index.close(),
      commit: async (writes) => {
        this.#check('commit');
        await index.commit(writes);
      },
    };
  };

  #check(call: Call): void {
    const code = this.failing.get(call);
    if (code !== undefined) throw failure(code);
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

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
