import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BLOBS, EMPTY_BLOB } from '../../src/conformance/fixtures.ts';
import { B3Digest } from '../../src/digest/b3-digest.ts';
import { compareBytes } from '../../src/digest/bytes.ts';
import { DigestMap, DigestSet } from '../../src/digest/digest-map.ts';
import { createHasher, hashBytes } from '../../src/digest/hasher.ts';
import { SeededRandom } from '../../src/conformance/random.ts';

const BASE64 = 'rxNJufX5oaagQE3qNtzJSZvLJcmtwRK3zJqTyuQfMmI=';

/** Equal to the digest, and another object. */
const copy = (digest: B3Digest): B3Digest =>
  B3Digest.fromBytes(Uint8Array.from(digest.bytes));

describe('B3Digest', () => {
  it('prints as base64 behind b3:, and as hex', () => {
    const { digest } = EMPTY_BLOB;
    expect(digest.toString()).toBe(`b3:${BASE64}`);
    expect(JSON.stringify({ digest })).toBe(`{"digest":"b3:${BASE64}"}`);
    expect(digest.toHex()).toBe(
      'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
    );
  });

  it('reads every form that it prints, and hex in capitals', () => {
    const { digest } = EMPTY_BLOB;
    const hex = digest.toHex();
    for (const text of [
      `b3:${BASE64}`,
      BASE64,
      BASE64.slice(0, -1),
      hex,
      hex.toUpperCase(),
      `b3:${hex}`,
    ])
      expect(B3Digest.parse(text).equals(digest)).toBe(true);
  });

  it('reads what it prints, whatever the digest', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const digest = B3Digest.fromBytes(bytes);
        for (const text of [digest.toString(), digest.toHex()])
          expect(B3Digest.parse(text).bytes).toEqual(bytes);
      }),
      { verbose: 1 },
    );
  });

  it.each([
    '',
    'b3:',
    'b3',
    BASE64.slice(1),
    `${BASE64}=`,
    'g'.repeat(64),
    '0'.repeat(63),
    '0'.repeat(66),
    `sha256:${BASE64}`,
    ` ${BASE64}`,
  ])('rejects the text %j', (text) => {
    expect(() => B3Digest.parse(text)).toThrow(
      expect.objectContaining({ code: 'castore/invalid-digest-length' }),
    );
  });

  it.each([0, 1, 31, 33, 64])('rejects %d bytes', (length) => {
    expect(() => B3Digest.fromBytes(new Uint8Array(length))).toThrow(
      expect.objectContaining({
        code: 'castore/invalid-digest-length',
        details: { length },
      }),
    );
  });

  it('is equal by value, and has a key that is', () => {
    const [a, b] = [EMPTY_BLOB.digest, BLOBS[1]!.digest];
    expect(a.equals(copy(a))).toBe(true);
    expect(a.equals(b)).toBe(false);
    expect(a.key).toBe(copy(a).key);
    expect(a.key).not.toBe(b.key);
    expect(a.key).toHaveLength(32);
  });
});

describe('DigestMap and DigestSet', () => {
  it('find by value and keep the order of insertion', () => {
    const digests = BLOBS.map(({ digest }) => digest);
    const map = new DigestMap<number>();
    for (const [i, digest] of digests.entries()) map.set(digest, i);
    map.set(copy(digests[0]!), 100);
    expect(map.size).toBe(digests.length);
    expect(map.get(copy(digests[0]!))).toBe(100);
    expect(map.has(copy(digests[1]!))).toBe(true);
    expect([...map].map(([, value]) => value)).toEqual([
      100, 1, 2, 3, 4, 5, 6, 7,
    ]);
    expect(map.delete(copy(digests[1]!))).toBe(true);
    expect(map.delete(digests[1]!)).toBe(false);
    expect(map.get(digests[1]!)).toBeUndefined();
    map.clear();
    expect(map.size).toBe(0);

    const set = new DigestSet([...digests, ...digests.map(copy)]);
    expect([...set].map(String)).toEqual(digests.map(String));
    expect(set.size).toBe(digests.length);
    expect(set.delete(copy(digests[2]!))).toBe(true);
    expect(set.has(digests[2]!)).toBe(false);
  });
});

describe('hashing', () => {
  it.each(BLOBS)('finds the known digest: $name', ({ contents, digest }) => {
    expect(hashBytes(contents)).toEqual(digest);
    for (const implementation of ['native', 'wasm'] as const)
      expect(createHasher(implementation).update(contents).digest()).toEqual(
        digest,
      );
  });

  it('is the same whole, in pieces, native and in wasm, at all lengths around the limits', () => {
    const random = new SeededRandom(1);
    for (const length of [
      0, 1, 63, 64, 65, 1023, 1024, 1025, 1535, 1536, 1537, 2048, 65535, 65536,
      65537, 300_000,
    ]) {
      const bytes = random.bytes(length);
      const whole = hashBytes(bytes).toHex();
      for (const implementation of ['native', 'wasm'] as const)
        for (const max of [1 + Math.floor(length / 50), 5000, 1_000_000]) {
          const hasher = createHasher(implementation);
          for (const piece of random.cut(bytes, max)) hasher.update(piece);
          expect(hasher.digest().toHex()).toBe(whole);
        }
    }
  });

  it('gives the memory back of hashers that are given up', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const before = process.memoryUsage().external;
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 2000; i++)
        createHasher('wasm').update(new Uint8Array(10));
      collect();
      // What died is disposed of in a turn of its own.
      await setImmediate();
      await setImmediate();
    }
    const kept = process.memoryUsage().external - before;
    // All of them would take 39 MB.
    expect(kept).toBeLessThan(15_000_000);
  });

  it('hashes a view of a larger buffer, not the buffer', () => {
    const buffer = Buffer.concat([Buffer.alloc(5000, 1), Buffer.alloc(5000)]);
    const view = buffer.subarray(5000);
    expect(hashBytes(view)).toEqual(hashBytes(new Uint8Array(5000)));
  });

  it('gives digests that later hashing does not change', () => {
    const digests = BLOBS.map(({ contents }) => hashBytes(contents));
    for (const [i, { digest }] of BLOBS.entries())
      expect(digests[i]!.toHex()).toBe(digest.toHex());
  });
});

describe('compareBytes', () => {
  it('orders as memcmp does, prefixes first', () => {
    const ordered = [
      [],
      [0],
      [0, 0],
      [0, 255],
      [1],
      [127],
      [128],
      [255],
      [255, 0],
    ].map((bytes) => Uint8Array.from(bytes));
    for (const [i, a] of ordered.entries())
      for (const [j, b] of ordered.entries())
        expect(Math.sign(compareBytes(a, b))).toBe(Math.sign(i - j));
  });
});
