import { crc32 } from 'node:zlib';
import type {
  CompressedBatch,
  CompressionBatch,
} from '../compression/compress-batch.ts';
import type { Compressor } from '../compression/compressor.ts';
import type { PreparedRecord } from '../packs/pack-writer.ts';
import { Codec, type RecordKind } from '../packs/record.ts';
import type { SlabPool } from './slab-pool.ts';

/** Bytes to be stored under a key. */
export interface RawRecord {
  readonly kind: RecordKind;
  /** 32 bytes. */
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
}

/** As much as goes to a compression thread in one message. */
const BATCH_BYTES = 1024 * 1024;

/** Records that were prepared together. */
export interface PreparedGroup {
  readonly records: readonly PreparedRecord[];
  /** Their payloads lie in here: once they were written it can be used again. */
  readonly slab: Uint8Array<SharedArrayBuffer>;
}

/**
 * Compresses records in batches and answers with them in groups, in their order. The bytes are copied before this
 * returns: the caller's may change afterwards.
 */
export function prepareRecords(
  compressor: Compressor,
  slabs: SlabPool,
  records: readonly RawRecord[],
): (PreparedGroup | Promise<PreparedGroup>)[] {
  const groups: (PreparedGroup | Promise<PreparedGroup>)[] = [];
  for (let start = 0; start < records.length;) {
    let end = start;
    let bytes = 0;
    do {
      bytes += records[end]!.bytes.length;
      end += 1;
    } while (end < records.length && bytes < BATCH_BYTES);
    const group = records.slice(start, end);
    const batch = gather(group, slabs.take(bytes));
    const result = compressor.compress(batch);
    groups.push(
      result instanceof Promise
        ? result.then((done) => split(group, batch.slab, done))
        : split(group, batch.slab, result),
    );
    start = end;
  }
  return groups;
}

/** A record that is stored as it is. The bytes are kept. */
export function prepareUncompressed(record: RawRecord): PreparedRecord {
  return {
    kind: record.kind,
    key: record.key,
    codec: Codec.raw,
    payload: record.bytes,
    rawLength: record.bytes.length,
    payloadCrc: crc32(record.bytes),
  };
}

function gather(
  records: readonly RawRecord[],
  slab: Uint8Array<SharedArrayBuffer>,
): CompressionBatch {
  const lengths = new Uint32Array(records.length);
  let at = 0;
  for (const [i, record] of records.entries()) {
    slab.set(record.bytes, at);
    lengths[i] = record.bytes.length;
    at += record.bytes.length;
  }
  return { slab, lengths };
}

function split(
  records: readonly RawRecord[],
  slab: Uint8Array<SharedArrayBuffer>,
  { codecs, storedLengths, crcs }: CompressedBatch,
): PreparedGroup {
  let at = 0;
  const prepared = records.map(({ kind, key, bytes }, i): PreparedRecord => {
    const payload = slab.subarray(at, at + storedLengths[i]!);
    at += payload.length;
    return {
      kind,
      key,
      codec: codecs[i] as Codec,
      payload,
      rawLength: bytes.length,
      payloadCrc: crcs[i]!,
    };
  });
  return { records: prepared, slab };
}
