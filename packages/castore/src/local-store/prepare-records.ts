import { crc32 } from 'node:zlib';
import type {
  CompressedBatch,
  CompressionBatch,
} from './compression/compress-batch.ts';
import type { Compressor } from './compression/compressor.ts';
import type { PreparedRecord } from './pack-writer.ts';
import { Codec, type RecordKind } from './record.ts';

/** Bytes to be stored under a key. */
export interface RawRecord {
  readonly kind: RecordKind;
  /** 32 bytes. */
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
}

/** As much as goes to a compression thread in one message. */
const BATCH_BYTES = 1024 * 1024;

/**
 * Compresses records in batches and answers with them in groups, in their order. The bytes are copied before this
 * returns: the caller's may change afterwards.
 */
export function prepareRecords(
  compressor: Compressor,
  records: readonly RawRecord[],
): (PreparedRecord[] | Promise<PreparedRecord[]>)[] {
  const groups: (PreparedRecord[] | Promise<PreparedRecord[]>)[] = [];
  for (let start = 0; start < records.length;) {
    let end = start;
    let bytes = 0;
    do {
      bytes += records[end]!.bytes.length;
      end += 1;
    } while (end < records.length && bytes < BATCH_BYTES);
    const group = records.slice(start, end);
    const result = compressor.compress(gather(group, bytes));
    groups.push(
      result instanceof Promise
        ? result.then((done) => take(group, done))
        : take(group, result),
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
  bytes: number,
): CompressionBatch {
  // Not from the pool: the memory may be handed to another thread.
  const slab = Buffer.allocUnsafeSlow(bytes);
  const raw = new Uint8Array(slab.buffer, slab.byteOffset, bytes);
  const lengths = new Uint32Array(records.length);
  let at = 0;
  for (const [i, record] of records.entries()) {
    raw.set(record.bytes, at);
    lengths[i] = record.bytes.length;
    at += record.bytes.length;
  }
  return { raw, lengths };
}

function take(
  records: readonly RawRecord[],
  result: CompressedBatch,
): PreparedRecord[] {
  const { raw, compressed, codecs, storedLengths, crcs } = result;
  let rawAt = 0;
  let compressedAt = 0;
  return records.map(({ kind, key, bytes }, i) => {
    const codec = codecs[i] as Codec;
    const length = storedLengths[i]!;
    const payload =
      codec === Codec.raw
        ? raw.subarray(rawAt, rawAt + length)
        : compressed.subarray(compressedAt, compressedAt + length);
    const rawLength = bytes.length;
    rawAt += rawLength;
    if (codec !== Codec.raw) compressedAt += length;
    return { kind, key, codec, payload, rawLength, payloadCrc: crcs[i]! };
  });
}
