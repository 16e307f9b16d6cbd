import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  assertLmdbFile,
  LMDB_PAGE_BYTES,
} from '../../../src/local-store/index/lmdb-file.ts';
import { LmdbIndex } from '../../../src/local-store/index/lmdb-index.ts';

let directory: string;
let file: string;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'castore-lmdb-'));
  file = path.join(directory, 'data.mdb');
});

afterEach(() => fs.rmSync(directory, { recursive: true }));

function key(number: number): Buffer {
  const bytes = Buffer.alloc(9, 1);
  bytes.writeUInt32BE(number, 1);
  return bytes;
}

/** The later half of the file is free: what lay there was removed. One value in fifty lies on pages of its own. */
async function fill(): Promise<void> {
  const index = LmdbIndex.open(directory, { readOnly: false });
  const all = Array.from({ length: 4000 }, (_, i) => i);
  const value = (i: number): Buffer => Buffer.alloc(i % 50 === 0 ? 3000 : 60);
  for (const half of [all.slice(0, 2000), all.slice(2000)])
    await index.commit(half.map((i) => ({ key: key(i), value: value(i) })));
  await index.commit(
    all.slice(2000).map((i) => ({ key: key(i), value: undefined })),
  );
  for (let i = 0; i < 8; i += 1)
    await index.commit([{ key: key(i), value: value(i) }]);
  await index.close();
}

/** Cuts free pages off the end of the file, so that one that is needed is the last. */
function cutFreePages(): void {
  const bytes = fs.readFileSync(file);
  for (let end = bytes.length; ; end -= LMDB_PAGE_BYTES) {
    fs.truncateSync(file, end - LMDB_PAGE_BYTES);
    try {
      assertLmdbFile(file);
    } catch {
      fs.writeFileSync(file, bytes.subarray(0, end));
      return;
    }
  }
}

describe('an index file', () => {
  it('may lack free pages at its end', async () => {
    await fill();
    const before = fs.statSync(file).size;
    cutFreePages();
    const { size } = fs.statSync(file);
    expect(size).toBeLessThan(before);
    expect(size).toBeGreaterThan(10 * LMDB_PAGE_BYTES);
    const index = LmdbIndex.open(directory, { readOnly: false });
    const everything = { start: Buffer.of(0), end: Buffer.of(255) };
    expect(index.range(everything)).toHaveLength(2000);
    await index.commit([{ key: key(9999), value: Buffer.alloc(3000) }]);
    expect(index.range(everything)).toHaveLength(2001);
    await index.close();
  });

  it('is refused without a page that it needs', async () => {
    await fill();
    cutFreePages();
    fs.truncateSync(file, fs.statSync(file).size - 1);
    expect(() => assertLmdbFile(file)).toThrow(
      expect.objectContaining({ code: 'castore/corrupt-store' }),
    );
  });

  it('has all its pages again after a commit', async () => {
    await fill();
    const { size } = fs.statSync(file);
    cutFreePages();
    const index = LmdbIndex.open(directory, { readOnly: false });
    await index.commit([{ key: key(0), value: Buffer.alloc(60) }]);
    await index.close();
    expect(fs.statSync(file).size).toBeGreaterThanOrEqual(size);
  });
});
