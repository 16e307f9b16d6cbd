import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { crc32 } from 'node:zlib';
import { hashBytes } from '../../../src/digest/hasher.ts';
import { ByteBudget } from '../../../src/local-store/commit/byte-budget.ts';
import type { RawRecord } from '../../../src/local-store/commit/prepare-records.ts';
import { Submissions } from '../../../src/local-store/commit/submissions.ts';
import { WriteChain } from '../../../src/local-store/commit/write-chain.ts';
import type {
  CompressedBatch,
  CompressionBatch,
} from '../../../src/local-store/compression/compress-batch.ts';
import type { Compressor } from '../../../src/local-store/compression/compressor.ts';
import { Codec, RecordKind } from '../../../src/local-store/packs/record.ts';
import { randomBytes } from '../../blob-service/random-bytes.ts';
import { Faults } from '../faults.ts';
import { TemporaryStore } from '../temporary-store.ts';

const MIB = 1024 * 1024;

/** Threads that are done with a batch when they are told to be. */
class SlowCompressor {
  readonly #batches: (() => void)[] = [];

  compress({ slab, lengths }: CompressionBatch): Promise<CompressedBatch> {
    const stored = [...lengths];
    let at = 0;
    const crcs = stored.map((length) =>
      crc32(slab.subarray(at, (at += length))),
    );
    return new Promise((resolve) => {
      this.#batches.push(() =>
        resolve({
          codecs: new Uint8Array(stored.length).fill(Codec.raw),
          storedLengths: Uint32Array.from(stored),
          crcs: Uint32Array.from(crcs),
        }),
      );
    });
  }

  /** Is done with a batch, told by the order in which they came. */
  finish(batch: number): void {
    this.#batches[batch]!();
  }
}

describe('records that take their time to compress', () => {
  let faults: Faults;
  let temporary: TemporaryStore;
  let compressor: SlowCompressor;
  let submissions: Submissions;

  beforeEach(async () => {
    faults = new Faults();
    temporary = await TemporaryStore.create({ fileSystem: faults.fileSystem });
    compressor = new SlowCompressor();
    const { queue, touches } = temporary.store.interior.writing!;
    submissions = new Submissions({
      queue,
      compressor: compressor as unknown as Compressor,
      budget: new ByteBudget(64 * MIB),
      touches,
      isStored: () => false,
      onStored: () => {},
    });
  });
  afterEach(() => temporary.destroy());

  function record(seed: number, length = 1000): RawRecord {
    const bytes = randomBytes(length, seed);
    return { kind: RecordKind.chunk, key: hashBytes(bytes).bytes, bytes };
  }

  const isStored = ({ key }: RawRecord): boolean =>
    temporary.store.has(RecordKind.chunk, key);

  function syncs(): number {
    return faults.calls.get('fdatasync') ?? 0;
  }

  it('lie in the pack in the order of their chain, in whatever order they are done', async () => {
    const chain = new WriteChain();
    const records = Array.from({ length: 8 }, (_, i) => record(i, MIB));
    for (const each of records) await submissions.submit([each], chain);
    for (const batch of [7, 1, 0, 5, 6, 3, 2, 4]) {
      compressor.finish(batch);
      // Turns of the loop, in which a round may begin.
      await new Promise(setImmediate);
    }
    await chain.durable();
    const places = records.map(
      ({ key }) => temporary.store.peek(RecordKind.chunk, key)!.offset,
    );
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it('are written when there are enough, while others go on being compressed', async () => {
    const enough = Array.from({ length: 4 }, (_, i) => record(i, MIB));
    const done = await submissions.submit(enough, undefined);
    const late = await submissions.submit([record(9)], undefined);
    for (let batch = 0; batch < 4; batch++) compressor.finish(batch);
    await done.durable;
    expect([enough[0]!, record(9)].map(isStored)).toEqual([true, false]);
    compressor.finish(4);
    await late.durable;
    expect(isStored(record(9))).toBe(true);
  });

  it('share a round where they are few', async () => {
    // The pack is begun, which takes a sync of its own.
    await temporary.store.put([record(0)]);
    const before = syncs();
    const puts = await Promise.all(
      [1, 2, 3].map((seed) => submissions.submit([record(seed)], undefined)),
    );
    for (const batch of [1, 0, 2]) {
      compressor.finish(batch);
      await new Promise(setImmediate);
    }
    await Promise.all(puts.map(({ durable }) => durable));
    expect(syncs() - before).toBe(1);
  });
});
