import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashBytes } from '@tvix/castore';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobCache } from '../../src/blob-cache.ts';
import type { BlobSource } from '../../src/blob-source.ts';
import { SpillFile } from '../../src/fuse/spill-file.ts';

let directory: string;
let spill: SpillFile;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tvix-fs-spill-'));
  spill = new SpillFile({ directory, bytes: 1000 });
});

afterEach(() => {
  spill.close();
  rmSync(directory, { recursive: true });
});

const filled = (length: number, value: number): Uint8Array =>
  new Uint8Array(length).fill(value);

describe('SpillFile', () => {
  it('gives back any part of what it was given, and leaves no name on disk', () => {
    spill.put('a', Uint8Array.of(1, 2, 3, 4, 5));
    spill.put('b', filled(100, 7));
    expect(spill.get('a', 1, 3)).toEqual(Uint8Array.of(2, 3, 4));
    expect(spill.get('b', 99, 1)).toEqual(Uint8Array.of(7));
    expect(spill.get('c', 0, 1)).toBeUndefined();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('overwrites the oldest, never gives wrong bytes, and stays within its limit', () => {
    // Lengths that never fit the ring evenly, so that every kind of overlap occurs.
    const kept: number[] = [];
    for (let i = 0; i < 100; i++) {
      const length = 50 + ((i * 97) % 251);
      spill.put(`${i}`, filled(length, i));
      let bytes = 0;
      let count = 0;
      for (let j = 0; j <= i; j++) {
        const jLength = 50 + ((j * 97) % 251);
        const found = spill.get(`${j}`, 0, jLength);
        if (found === undefined) continue;
        count++;
        bytes += jLength;
        expect(found.every((byte) => byte === j)).toBe(true);
      }
      expect(bytes).toBeLessThanOrEqual(1000);
      expect(spill.get(`${i}`, 0, length)).toBeDefined();
      kept.push(count);
    }
    expect(Math.min(...kept.slice(20))).toBeGreaterThan(1);
  });

  it('keeps nothing that is too large, nothing twice, and nothing after its end', () => {
    spill.put('large', filled(1001, 1));
    expect(spill.get('large', 0, 1)).toBeUndefined();
    spill.put('a', filled(10, 1));
    spill.put('a', filled(10, 2));
    expect(spill.get('a', 0, 1)).toEqual(Uint8Array.of(1));
    spill.close();
    expect(spill.get('a', 0, 1)).toBeUndefined();
  });

  it('does nothing where it has no place', () => {
    for (const options of [
      { directory: join(directory, 'nowhere') },
      { directory, bytes: 0 },
    ]) {
      const nothing = new SpillFile(options);
      nothing.put('a', filled(10, 1));
      expect(nothing.get('a', 0, 1)).toBeUndefined();
      nothing.close();
    }
  });

  it('spares a reader of random places what was fetched before', async () => {
    const pieces = Array.from({ length: 8 }, (_, i) => filled(200_000, i));
    const whole = Buffer.concat(pieces);
    let fetched = 0;
    const source: BlobSource = {
      async getMany(digests) {
        fetched += digests.length;
        return digests.map((digest) =>
          pieces.find((piece) => hashBytes(piece).equals(digest)),
        );
      },
      chunks: async () =>
        pieces.map((piece) => ({
          digest: hashBytes(piece),
          size: piece.length,
        })),
      range: async () => undefined,
    };
    const large = new SpillFile({ directory, bytes: 2_000_000 });
    // Memory for one segment alone.
    const cache = new BlobCache(source, 0, large);
    const blob = { digest: hashBytes(whole), size: whole.length };
    for (const i of [6, 2, 4, 0, 6, 2, 4, 0, 6, 2]) {
      const at = i * 200_000 + 123;
      const parts =
        cache.peek(blob, at, 1000) ?? (await cache.load(blob, at, 1000));
      expect(Buffer.concat(parts).equals(whole.subarray(at, at + 1000))).toBe(
        true,
      );
    }
    large.close();
    expect(fetched).toBeLessThanOrEqual(8);
  });
});
