import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashBytes } from '@tvix/castore';
import type { FileIdentity } from '@tvix/castore';
import { FileCache } from '../../src/import/file-cache.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'file-cache-'));
  file = join(folder, 'below', 'cache');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const DAY_MS = 24 * 60 * 60 * 1000;

const identity: FileIdentity = {
  dev: 2049,
  ino: 77,
  size: 12,
  mtimeMs: 1_700_000_000_000.25,
  ctimeMs: 1_700_000_000_001.5,
};
const digest = hashBytes(Buffer.from('Hello World!'));
const other = hashBytes(Buffer.from('other'));

describe('a file cache', () => {
  it('knows a file by all that tells it from another', () => {
    const cache = FileCache.load(file);
    cache.add(identity, digest);
    expect(cache.find({ ...identity })).toEqual(digest);
    for (const key of Object.keys(identity) as (keyof FileIdentity)[]) {
      const changed = { ...identity, [key]: identity[key] + 0.25 };
      expect(cache.find(changed)).toBeUndefined();
    }
  });

  it('knows what a file holds now alone', () => {
    const cache = FileCache.load(file);
    cache.add(identity, digest);
    const changed = { ...identity, ctimeMs: identity.ctimeMs + 1 };
    cache.add(changed, other);
    expect(cache.find(identity)).toBeUndefined();
    expect(cache.find(changed)).toEqual(other);
  });

  it('tells apart inodes of the same number on two devices', () => {
    const cache = FileCache.load(file);
    cache.add(identity, digest);
    cache.add({ ...identity, dev: 3 }, other);
    expect(cache.find(identity)).toEqual(digest);
    expect(cache.find({ ...identity, dev: 3 })).toEqual(other);
  });

  it('finds again what it has saved, and leaves nothing else', () => {
    const cache = FileCache.load(file);
    const many = Array.from({ length: 3000 }, (_, i) => ({
      ...identity,
      ino: i,
    }));
    for (const one of many)
      cache.add(one, hashBytes(Buffer.from(`${one.ino}`)));
    cache.save();
    const loaded = FileCache.load(file);
    expect(loaded.isEmpty).toBe(false);
    for (const one of many)
      expect(loaded.find(one)).toEqual(hashBytes(Buffer.from(`${one.ino}`)));
    loaded.add(identity, other);
    loaded.save();
    expect(FileCache.load(file).find(identity)).toEqual(other);
    expect(readdirSync(join(folder, 'below'))).toEqual(['cache']);
  });

  it('forgets what was of no use for 30 days', () => {
    const used = { ...identity, ino: 78 };
    const first = FileCache.load(file, 0);
    first.add(identity, other);
    first.add(used, digest);
    first.save();
    const second = FileCache.load(file, 20 * DAY_MS);
    expect(second.find(used)).toEqual(digest);
    second.save();
    FileCache.load(file, 31 * DAY_MS).save();
    const last = FileCache.load(file, 32 * DAY_MS);
    expect(last.find(identity)).toBeUndefined();
    expect(last.find(used)).toEqual(digest);
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['a flipped bit', (bytes) => bytes.fill(bytes[40]! ^ 1, 40, 41)],
    ['a missing end', (bytes) => bytes.subarray(0, -1)],
    ['a missing entry', (bytes) => bytes.subarray(0, -80)],
    ['a header alone', (bytes) => bytes.subarray(0, 9)],
    ['another magic', (bytes) => bytes.fill('X', 0, 1)],
  ])('knows nothing where its file has %s', (_, damage) => {
    const cache = FileCache.load(file);
    cache.add(identity, digest);
    cache.add({ ...identity, ino: 78 }, digest);
    cache.save();
    writeFileSync(file, damage(readFileSync(file)));
    const loaded = FileCache.load(file);
    expect(loaded.isEmpty).toBe(true);
    expect(loaded.find(identity)).toBeUndefined();
  });

  it('says so where it can not be saved', () => {
    const blocked = join(folder, 'file', 'cache');
    writeFileSync(join(folder, 'file'), '');
    expect(() => FileCache.load(blocked).save()).toThrow();
    expect(existsSync(blocked)).toBe(false);
  });
});
