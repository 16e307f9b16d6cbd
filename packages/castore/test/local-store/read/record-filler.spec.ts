import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashBytes } from '../../../src/digest/hasher.ts';
import { openZstd } from '../../../src/local-store/compression/open-zstd.ts';
import { nodeFileSystem } from '../../../src/local-store/file-system.ts';
import { PackReader } from '../../../src/local-store/packs/pack-reader.ts';
import { RecordKind } from '../../../src/local-store/packs/record.ts';
import { readBatch } from '../../../src/local-store/read/read-batch.ts';
import { RecordFiller } from '../../../src/local-store/read/record-filler.ts';
import type { RecordFillerParts } from '../../../src/local-store/read/record-filler.ts';
import { randomBytes } from '../../blob-service/random-bytes.ts';
import { TemporaryStore } from '../temporary-store.ts';

const zstd = await openZstd();
const GAP = 16;

/** Noise, which is stored as it is, and text, which is compressed, short and long. */
const contents = [
  randomBytes(70_000, 1),
  Buffer.from('all work and no play makes jack a dull boy. '.repeat(20_000)),
  randomBytes(1, 2),
  Buffer.from('all work and no play '.repeat(40)),
];
const keys = contents.map((bytes) => hashBytes(bytes).bytes);

let temporary: TemporaryStore;
let packs: PackReader;
/** Descriptors that are lent at the moment. */
let lent: number[];

beforeEach(async () => {
  temporary = await TemporaryStore.create({ threads: 0 });
  await temporary.store.put(
    contents.map((bytes, i) => ({
      kind: RecordKind.chunk,
      key: keys[i]!,
      bytes,
    })),
  );
  packs = new PackReader(nodeFileSystem);
  lent = [];
});

afterEach(async () => {
  packs.close();
  await temporary.destroy();
});

/** A filler whose one thread is this. */
function fillerOf(parts: Partial<RecordFillerParts> = {}): RecordFiller {
  return new RecordFiller({
    use: (key) => temporary.store.peek(RecordKind.chunk, key),
    reader: {
      lend(location) {
        const pack = temporary.store.interior.packs.get(location.pack)!;
        const fd = packs.lend(pack);
        lent.push(fd);
        return { fd, tag: pack.tag };
      },
      giveBack(fd) {
        lent.splice(lent.indexOf(fd), 1);
        packs.giveBack(fd);
      },
    },
    threads: {
      read: (batch) => Promise.resolve(readBatch(zstd, batch)),
    },
    ...parts,
  });
}

/** Places for all contents in one memory, with a gap behind each. */
function places(): Uint8Array[] {
  const total = contents.reduce((sum, { length }) => sum + length + GAP, 0);
  const memory = new SharedArrayBuffer(total);
  let at = 0;
  return contents.map(({ length }) => {
    const place = new Uint8Array(memory, at, length);
    at += length + GAP;
    return place;
  });
}

function addAll(filler: RecordFiller, into: readonly Uint8Array[]): void {
  for (const [i, place] of into.entries())
    expect(filler.add(keys[i]!, place)).toBe(true);
}

/** Changes a byte of the payload of a record behind the back of the store. */
function damage(i: number): void {
  const { offset } = temporary.store.peek(RecordKind.chunk, keys[i]!)!;
  const [file] = temporary.packFiles();
  const bytes = fs.readFileSync(file!);
  bytes[offset + 64 + 20]! ^= 1;
  fs.writeFileSync(file!, bytes);
}

describe('a filler of places', () => {
  it('fills all of them with what their keys say, and nothing beside', async () => {
    const filler = fillerOf();
    const into = places();
    addAll(filler, into);
    expect(await filler.fill()).toStrictEqual([]);
    for (const [i, place] of into.entries()) {
      expect(Buffer.compare(place, contents[i]!)).toBe(0);
      const gap = new Uint8Array(place.buffer, place.byteOffset + place.length);
      expect(gap.subarray(0, GAP)).toStrictEqual(new Uint8Array(GAP));
    }
    expect(lent).toStrictEqual([]);
  });

  it('leaves each that is damaged to whoever asked, and fills the others', async () => {
    damage(0);
    damage(1);
    const filler = fillerOf();
    const into = places();
    addAll(filler, into);
    expect(await filler.fill()).toStrictEqual(
      [0, 1].map((i) => expect.objectContaining({ key: keys[i]! })),
    );
    for (const i of [2, 3])
      expect(Buffer.compare(into[i]!, contents[i]!)).toBe(0);
    expect(lent).toStrictEqual([]);
  });

  it('leaves all to whoever asked where the thread ends', async () => {
    const threads = { read: () => Promise.reject(new Error('it ended')) };
    const filler = fillerOf({ threads });
    addAll(filler, places());
    expect(await filler.fill()).toHaveLength(contents.length);
    expect(lent).toStrictEqual([]);
  });

  it('leaves little to whoever asked', async () => {
    const filler = fillerOf();
    expect(filler.add(keys[3]!, places()[3]!)).toBe(true);
    expect(await filler.fill()).toHaveLength(1);
  });

  it('takes on nothing that is missing, of another length, or in memory of one thread', () => {
    const filler = fillerOf();
    const [place] = places();
    const missing = hashBytes(Buffer.from('missing')).bytes;
    expect(filler.add(missing, place!)).toBe(false);
    expect(filler.add(keys[0]!, place!.subarray(1))).toBe(false);
    expect(filler.add(keys[0]!, new Uint8Array(place!.length))).toBe(false);
  });
});

describe('the file of a pack that was lent', () => {
  it('stays open until it is given back, also where the pack goes meanwhile', () => {
    const location = temporary.store.peek(RecordKind.chunk, keys[0]!)!;
    const pack = temporary.store.interior.packs.get(location.pack)!;
    const fd = packs.lend(pack);
    expect(packs.lend(pack)).toBe(fd);
    packs.forget(pack);
    packs.giveBack(fd);
    expect(fs.fstatSync(fd).size).toBeGreaterThan(0);
    packs.giveBack(fd);
    expect(() => fs.fstatSync(fd)).toThrow('EBADF');
  });
});
