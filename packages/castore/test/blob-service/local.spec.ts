import {
  afterEach,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import fs from 'node:fs';
import { LocalBlobService } from '../../src/blob-service/local.ts';
import type { BlobReader } from '../../src/blob-service/blob-service.ts';
import { B3Digest } from '../../src/digest/b3-digest.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import { RecordKind } from '../../src/local-store/packs/record.ts';
import { TemporaryStore } from '../local-store/temporary-store.ts';
import { randomBytes } from './random-bytes.ts';

const chunking = {
  algorithm: 'fastcdc-2020',
  minBytes: 1024,
  averageBytes: 2048,
  maxBytes: 4096,
} as const;

let temporary: TemporaryStore;
let blobs: LocalBlobService;

beforeEach(async () => {
  temporary = await TemporaryStore.create({ chunking });
  blobs = new LocalBlobService(temporary.store);
});

afterEach(() => temporary.destroy());

async function contents(
  reader: BlobReader | undefined,
  range?: { offset: number; length?: number },
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of reader!.read(range)) parts.push(part);
  await reader!.close();
  return Buffer.concat(parts);
}

async function write(bytes: Uint8Array, pieceBytes: number): Promise<B3Digest> {
  const writer = blobs.openWrite();
  for (let at = 0; at < bytes.length; at += pieceBytes)
    await writer.write(bytes.subarray(at, at + pieceBytes));
  return writer.close();
}

describe('LocalBlobService', () => {
  it('looks through the chunks of a blob once, however often one call asks for it', async () => {
    const digest = await write(randomBytes(100_000, 1), 100_000);
    const absent = hashBytes(randomBytes(10, 2));
    const reads = jest.spyOn(temporary.store, 'read');
    const asked = Array.from({ length: 100 }, () => [digest, absent]).flat();
    expect(await blobs.findMissing(asked)).toEqual([absent]);
    expect(reads).toHaveBeenCalledTimes(2);
  });

  it.each([0, 1, 4095, 4096, 4097, 16384, 16385, 100_000])(
    'gives back a blob of %d bytes, however it was split',
    async (length) => {
      const bytes = randomBytes(length, length);
      for (const pieceBytes of [999, 4096, 70_000]) {
        const digest = await write(bytes, pieceBytes);
        expect(digest.equals(hashBytes(bytes))).toBe(true);
        expect(
          Buffer.compare(await contents(await blobs.openRead(digest)), bytes),
        ).toBe(0);
      }
      expect((await blobs.getMany([hashBytes(bytes)]))[0]).toHaveLength(length);
    },
  );

  it('stores a blob up to the maximum chunk as one chunk, and names it', async () => {
    const bytes = randomBytes(4096, 1);
    const digest = await write(bytes, 4096);
    expect(await blobs.stat(digest, { sendChunks: true })).toEqual({
      size: 4096,
      chunks: [{ digest, size: 4096 }],
    });
  });

  it('cuts a longer blob into chunks that are blobs of their own', async () => {
    const bytes = randomBytes(50_000, 2);
    const digest = await write(bytes, 777);
    const stat = await blobs.stat(digest, { sendChunks: true });
    expect(stat!.size).toBe(50_000);
    expect(stat!.chunks.length).toBeGreaterThan(10);
    let at = 0;
    for (const chunk of stat!.chunks) {
      expect(await blobs.has(chunk.digest)).toBe(true);
      const part = await contents(await blobs.openRead(chunk.digest));
      expect(Buffer.compare(part, bytes.subarray(at, at + chunk.size))).toBe(0);
      at += chunk.size;
    }
    expect(at).toBe(50_000);
    expect((await blobs.stat(digest))!.chunks).toEqual([]);
  });

  it('reads ranges that begin and end anywhere', async () => {
    const bytes = randomBytes(30_000, 3);
    const [digest] = await blobs.putMany([bytes]);
    for (const [offset, length] of [
      [0, 1],
      [29_999, 1],
      [29_999, 100],
      [4000, 9000],
      [12_345, 0],
      [30_000, 5],
      [99_999, 5],
    ] as const) {
      const found = await contents(await blobs.openRead(digest!), {
        offset,
        length,
      });
      const expected = bytes.subarray(offset, offset + length);
      expect(Buffer.compare(found, expected)).toBe(0);
    }
  });

  it('shows nothing of a blob that was given up', async () => {
    const bytes = randomBytes(60_000, 4);
    const writer = blobs.openWrite();
    await writer.write(bytes);
    await writer.abort();
    expect(await blobs.has(hashBytes(bytes))).toBe(false);
    expect(await blobs.openRead(hashBytes(bytes))).toBeUndefined();
    await expect(writer.close()).rejects.toMatchObject({
      code: 'castore/closed',
    });
  });

  it('puts and gets many in their order, absent ones and large ones among them', async () => {
    const list = [10, 0, 9000, 4096, 10].map((n, i) => randomBytes(n, i));
    const digests = await blobs.putMany(list);
    const absent = hashBytes(Buffer.from('absent'));
    const found = await blobs.getMany([...digests, absent]);
    for (const [i, bytes] of list.entries())
      expect(Buffer.compare(found[i]!, bytes)).toBe(0);
    expect(found.at(-1)).toBeUndefined();
    const missing = await blobs.findMissing([absent, ...digests, absent]);
    expect(missing).toHaveLength(1);
  });

  it('stores little more for a blob that begins with other bytes', async () => {
    const bytes = randomBytes(200_000, 5);
    await blobs.putMany([bytes]);
    const before = fs.statSync(temporary.packFiles()[0]!).size;
    await blobs.putMany([Buffer.concat([randomBytes(100, 6), bytes])]);
    const after = fs.statSync(temporary.packFiles()[0]!).size;
    expect(after - before).toBeLessThan(30_000);
  });

  it('serves no byte of a damaged chunk, and is healed by another put', async () => {
    const bytes = randomBytes(3000, 7);
    const [digest] = await blobs.putMany([bytes]);
    await temporary.close();
    const pack = temporary.packFiles()[0]!;
    const stored = fs.readFileSync(pack);
    stored[stored.indexOf(bytes.subarray(0, 16)) + 5]! ^= 1;
    fs.writeFileSync(pack, stored);
    blobs = new LocalBlobService(await temporary.reopen());

    const reader = await blobs.openRead(digest!);
    await expect(contents(reader)).rejects.toMatchObject({
      code: 'castore/corrupt-blob',
    });
    expect(await blobs.has(digest!)).toBe(false);
    await blobs.putMany([bytes]);
    expect(
      Buffer.compare(await contents(await blobs.openRead(digest!)), bytes),
    ).toBe(0);
  });

  it('reads parts of what lies as it is at once, and checks it the first time', async () => {
    const bytes = randomBytes(3000, 7);
    const [digest] = await blobs.putMany([bytes]);
    const into = new Uint8Array(100);
    const read = (offset: number): boolean =>
      blobs.readPart(digest!, { size: 3000, offset }, into);
    expect(read(2900)).toBe(true);
    expect(Buffer.compare(into, bytes.subarray(2900))).toBe(0);

    const pack = temporary.packFiles()[0]!;
    const stored = fs.readFileSync(pack);
    const at = stored.indexOf(bytes.subarray(0, 16));
    stored[at + 5]! ^= 1;
    fs.writeFileSync(pack, stored);
    // The damage is elsewhere: this part was found sound, and is.
    expect(read(1000)).toBe(true);
    expect(Buffer.compare(into, bytes.subarray(1000, 1100))).toBe(0);
    blobs = new LocalBlobService(await temporary.reopen());
    expect(() => read(1000)).toThrow(
      expect.objectContaining({ code: 'castore/corrupt-blob' }),
    );
    expect(read(1000)).toBe(false);
    await blobs.putMany([bytes]);
    expect(read(1000)).toBe(true);
    expect(Buffer.compare(into, bytes.subarray(1000, 1100))).toBe(0);
  });

  it('reads what is compressed as a whole or not at all at once, and chunks each for itself', async () => {
    const text = Buffer.alloc(3000, 'some text that compresses ');
    const large = randomBytes(9000, 8);
    const digests = await blobs.putMany([text, large]);
    const into = new Uint8Array(10);
    expect(blobs.readPart(digests[0]!, { size: 3000, offset: 0 }, into)).toBe(
      false,
    );
    expect(blobs.readPart(digests[1]!, { size: 9000, offset: 0 }, into)).toBe(
      false,
    );
    const whole = Buffer.alloc(3000);
    expect(blobs.readPart(digests[0]!, { size: 3000, offset: 0 }, whole)).toBe(
      true,
    );
    expect(Buffer.compare(whole, text)).toBe(0);
    const { chunks } = (await blobs.stat(digests[1]!, { sendChunks: true }))!;
    const [{ digest, size }] = chunks as [(typeof chunks)[0]];
    expect(blobs.readPart(digest, { size, offset: 0 }, into)).toBe(true);
    expect(Buffer.compare(into, large.subarray(0, 10))).toBe(0);
  });

  it('counts a large blob as missing when a chunk of it is', async () => {
    const bytes = randomBytes(20_000, 8);
    const [digest] = await blobs.putMany([bytes]);
    const { chunks } = (await blobs.stat(digest!, { sendChunks: true }))!;
    await temporary.close();
    const pack = temporary.packFiles()[0]!;
    const stored = fs.readFileSync(pack);
    const start = stored.indexOf(bytes.subarray(0, 16));
    stored[start] = stored[start]! ^ 0x80;
    fs.writeFileSync(pack, stored);
    blobs = new LocalBlobService(await temporary.reopen());
    await expect(blobs.getMany([chunks[0]!.digest])).rejects.toMatchObject({
      code: 'castore/corrupt-blob',
    });
    expect(await blobs.findMissing([digest!])).toHaveLength(1);
    await blobs.putMany([bytes]);
    expect(await blobs.has(digest!)).toBe(true);
  });

  it('refuses a recipe that was made for another blob', async () => {
    const [first, second] = await blobs.putMany([
      randomBytes(9000, 9),
      randomBytes(9000, 10),
    ]);
    const stolen = temporary.store.read(RecordKind.recipe, first!.bytes)!;
    const other = hashBytes(Buffer.from('other'));
    await temporary.store.put([
      { kind: RecordKind.recipe, key: other.bytes, bytes: stolen },
    ]);
    await expect(blobs.openRead(other)).rejects.toMatchObject({
      code: 'castore/corrupt-blob',
    });
    expect(await blobs.has(second!)).toBe(true);
  });
});
