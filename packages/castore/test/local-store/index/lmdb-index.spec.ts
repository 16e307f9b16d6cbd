import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { nodeFileSystem } from '../../../src/local-store/file-system.ts';
import { LMDB_PAGE_BYTES } from '../../../src/local-store/index/lmdb-file.ts';
import { LmdbIndex } from '../../../src/local-store/index/lmdb-index.ts';

const EVERYTHING = { start: Buffer.of(0), end: Buffer.of(255) };
const META_PAGES = 2;

let directory: string;
let index: LmdbIndex | undefined;
let isDiskGone: boolean;

/** The kernel's answer for a device that is gone; what is mapped of it reads as zeros. */
const files = {
  readSync: (...call: Parameters<typeof nodeFileSystem.readSync>): number => {
    if (isDiskGone) throw Object.assign(new Error('EIO'), { code: 'EIO' });
    return nodeFileSystem.readSync(...call);
  },
};

async function open(): Promise<LmdbIndex> {
  await index?.close();
  return (index = LmdbIndex.open(directory, { readOnly: false, files }));
}

beforeEach(async () => {
  isDiskGone = false;
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'castore-lmdb-'));
  await open();
});
afterEach(async () => {
  await index?.close();
  index = undefined;
  fs.rmSync(directory, { recursive: true });
});

/** All pages but those that LMDB reads when it opens the file. */
async function zeroPages(): Promise<LmdbIndex> {
  await index!.close();
  index = undefined;
  const file = path.join(directory, 'data.mdb');
  const bytes = fs.readFileSync(file);
  fs.writeFileSync(file, bytes.fill(0, META_PAGES * LMDB_PAGE_BYTES));
  return open();
}

describe('an index whose pages read as zeros', () => {
  beforeEach(() =>
    index!.commit([{ key: Buffer.of(1), value: Buffer.of(1, 2) }]),
  );

  it('blames the disk where that answers nothing any more', async () => {
    const zeroed = await zeroPages();
    isDiskGone = true;
    const failure = expect.objectContaining({
      code: 'castore/io',
      cause: expect.objectContaining({ code: 'EIO' }),
    });
    expect(() => zeroed.get(Buffer.of(1))).toThrow(failure);
    expect(() => zeroed.range(EVERYTHING)).toThrow(failure);
  });

  it('is damaged where the disk answers', async () => {
    const zeroed = await zeroPages();
    expect(() => zeroed.get(Buffer.of(1))).toThrow(/^MDB_/);
    expect(() => zeroed.range(EVERYTHING)).toThrow(/^MDB_/);
  });
});

describe('the generation of an index', () => {
  it('is another one after a commit, and none while one is under way', async () => {
    const before = index!.generation;
    expect(before).toBeDefined();
    const committed = index!.commit([
      { key: Buffer.of(1), value: Buffer.of(1) },
    ]);
    expect(index!.generation).toBeUndefined();
    await committed;
    expect(index!.generation).toBeDefined();
    expect(index!.generation).not.toBe(before);
  });

  it('is never told where another process may write', async () => {
    await index!.close();
    index = LmdbIndex.open(directory, { readOnly: true });
    expect(index.generation).toBeUndefined();
  });
});

describe('an index', () => {
  it('gives no value of zeros that a disk without an answer may have made', async () => {
    await index!.commit([{ key: Buffer.of(1), value: Buffer.alloc(5) }]);
    expect(index!.get(Buffer.of(1))).toHaveLength(5);
    isDiskGone = true;
    expect(() => index!.get(Buffer.of(1))).toThrow('cannot read the index');
    expect(() => index!.range(EVERYTHING)).toThrow('cannot read the index');
  });

  it('knows of no absence after a write that failed, unless the disk answers', async () => {
    const tooLong = Buffer.alloc(4000, 1);
    await expect(
      index!.commit([{ key: tooLong, value: Buffer.of(1) }]),
    ).rejects.toThrow();
    expect(index!.get(Buffer.of(2))).toBeUndefined();
    isDiskGone = true;
    expect(() => index!.get(Buffer.of(2))).toThrow('cannot read the index');
    expect(() => index!.range(EVERYTHING)).toThrow('cannot read the index');
    isDiskGone = false;
    await index!.commit([{ key: Buffer.of(1), value: Buffer.of(1) }]);
    isDiskGone = true;
    expect(index!.get(Buffer.of(2))).toBeUndefined();
  });
});

describe('an index that is read sparingly', () => {
  const COUNT = 5000;
  const keyOf = (i: number): Buffer => {
    const key = Buffer.alloc(5, 1);
    key.writeUInt32BE(i, 1);
    return key;
  };

  /** What Linux counts of the file as this process's memory. */
  function residentBytes(): number {
    let kib = 0;
    let isOurs = false;
    for (const line of fs
      .readFileSync('/proc/self/smaps', 'utf8')
      .split('\n')) {
      if (/^[0-9a-f]+-/.test(line))
        isOurs = line.endsWith(path.join(directory, 'data.mdb'));
      else if (isOurs) kib += Number(/^Rss: +(\d+) kB/.exec(line)?.[1] ?? 0);
    }
    return 1024 * kib;
  }

  function readAll(): void {
    const values = index!.range({ start: keyOf(0), end: Buffer.of(2) });
    expect(values).toHaveLength(COUNT);
    const wrong = values.filter(
      ([key, value], i) =>
        value.readUInt32LE() !== i || !index!.get(key)?.equals(value),
    );
    expect(wrong).toEqual([]);
  }

  beforeEach(async () => {
    const writes = Array.from({ length: COUNT }, (_, i) => {
      const value = Buffer.alloc(1000, 1);
      value.writeUInt32LE(i);
      return { key: keyOf(i), value };
    });
    await index!.commit(writes);
  });

  it('answers as ever, also when a commit made the file longer meanwhile', async () => {
    const stop = index!.readSparingly();
    readAll();
    await index!.commit([{ key: Buffer.of(2), value: Buffer.alloc(1 << 24) }]);
    readAll();
    expect(index!.get(Buffer.of(2))).toHaveLength(1 << 24);
    stop();
    readAll();
  });

  const onLinux = process.platform === 'linux' ? it : it.skip;
  onLinux('gives memory back until it is told to stop', async () => {
    await index!.close();
    index = LmdbIndex.open(directory, {
      readOnly: false,
      sparingBytes: 1024 * 1024,
    });
    readAll();
    const all = residentBytes();
    expect(all).toBeGreaterThan(COUNT * 1000);
    const stop = index.readSparingly();
    for (let i = 0; i < COUNT; i += 1) {
      index.get(keyOf(i));
      if (i % 1000 === 0) expect(residentBytes()).toBeLessThan(all / 2);
    }
    stop();
    readAll();
    expect(residentBytes()).toBeGreaterThan(COUNT * 1000);
  });
});
