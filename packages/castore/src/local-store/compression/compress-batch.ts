import { crc32 } from 'node:zlib';
import { Codec } from '../packs/record.ts';
import type { Zstd } from './zstd.ts';

/** Payloads laid end to end, to be compressed together. */
export interface CompressionBatch {
  /** Shared between threads, and for the batch alone until it is done. May have room behind the payloads. */
  readonly slab: Uint8Array<SharedArrayBuffer>;
  readonly lengths: Uint32Array;
}

/** What became of them, in their order: the payloads as they are to be stored lie end to end in the slab. */
export interface CompressedBatch {
  /** A number for each: its {@link Codec}. */
  readonly codecs: Uint8Array;
  readonly storedLengths: Uint32Array;
  /** CRC-32 of each payload as stored. */
  readonly crcs: Uint32Array;
}

/** Shorter payloads rarely shrink by more than the frame costs. */
const COMPRESS_FROM_BYTES = 96;

/**
 * From this size on a look at the bytes is cheaper than the attempt to compress them, and tells noise from text: of the
 * files of a Debian system's /usr/share every second is a small gzip or PNG.
 */
const PROBE_FROM_BYTES = 512;

/** A compressed payload is kept if it is at most this part of the raw one: less isn't worth a decode for each read. */
const WORTHWHILE = 0.95;

/** Payloads below this size are compressed one level higher, which costs little where there is little to search. */
const SHORT_BELOW_BYTES = 128 * 1024;

/** For frames, and for what they decode to again. */
let frameRoom = new Uint8Array(0);
let decodedRoom = new Uint8Array(0);

/**
 * Compresses each payload by itself where that pays, and proves each result by decompressing and comparing it: a bug
 * in a compressor must not reach the disk (it did in restic 0.16.3).
 */
export function compressBatch(
  zstd: Zstd,
  level: number,
  { slab, lengths }: CompressionBatch,
): CompressedBatch {
  const count = lengths.length;
  const codecs = new Uint8Array(count);
  const storedLengths = new Uint32Array(count);
  const crcs = new Uint32Array(count);
  let from = 0;
  // What is stored never takes more than the payload did: it can lie in the same place.
  let end = 0;
  for (let i = 0; i < count; i += 1) {
    const payload = slab.subarray(from, from + lengths[i]!);
    const frame = tryCompress(zstd, level, payload);
    const stored = frame ?? payload;
    codecs[i] = frame === undefined ? Codec.raw : Codec.zstd;
    storedLengths[i] = stored.length;
    crcs[i] = crc32(stored);
    if (frame !== undefined) slab.set(frame, end);
    else if (from !== end) slab.copyWithin(end, from, from + payload.length);
    from += payload.length;
    end += stored.length;
  }
  return { codecs, storedLengths, crcs };
}

/** A frame that holds the payload and is worth it, valid until the next call; `undefined` where there is none. */
function tryCompress(
  zstd: Zstd,
  level: number,
  payload: Uint8Array,
): Uint8Array | undefined {
  const { length } = payload;
  if (length < COMPRESS_FROM_BYTES) return undefined;
  if (length >= PROBE_FROM_BYTES && looksRandom(payload)) return undefined;
  if (decodedRoom.length < length) {
    frameRoom = new Uint8Array(length);
    decodedRoom = new Uint8Array(length);
  }
  const written = zstd.compress(
    payload,
    length < SHORT_BELOW_BYTES ? level + 1 : level,
    frameRoom.subarray(0, length * WORTHWHILE),
  );
  if (written === undefined) return undefined;
  const frame = frameRoom.subarray(0, written);
  const decoded = decodedRoom.subarray(0, length);
  try {
    zstd.decompress(frame, decoded);
  } catch {
    // Storing it as it is is always right.
    return undefined;
  }
  return Buffer.compare(decoded, payload) === 0 ? frame : undefined;
}

const SAMPLES = 8;
const SAMPLE_BYTES = 512;
const counts = new Uint32Array(256);

/** Whatever the other samples hold, all of them together are no noise if the first two are as uneven as this. */
const FIRST_BYTES = 2 * SAMPLE_BYTES;
const UNEVEN = 3;

/** Whether a few samples look like noise, by their {@link coincidence}. Text and code are told by the first two. */
function looksRandom(payload: Uint8Array): boolean {
  const { length } = payload;
  const wanted = Math.min(length, SAMPLES * SAMPLE_BYTES);
  const stride =
    length === wanted
      ? SAMPLE_BYTES
      : Math.floor((length - SAMPLE_BYTES) / (SAMPLES - 1));
  counts.fill(0);
  let total = 0;
  for (let start = 0; total < wanted; start += stride) {
    const end = Math.min(start + SAMPLE_BYTES, length);
    for (let i = start; i < end; i += 1) counts[payload[i]!]! += 1;
    total += end - start;
    if (total === FIRST_BYTES && coincidence(total) > UNEVEN) return false;
  }
  // Of noise, four standard deviations: sqrt(2 * 255) / total each.
  return coincidence(total) < 1.05 + (4 * 22.6) / total;
}

/**
 * The index of coincidence (Friedman, 1922): how often two of the counted bytes are the same, against how often two
 * random ones are. Noise has 1, whatever the number of samples, compressed data little more; text has 10 and more, code
 * 3.
 */
function coincidence(total: number): number {
  let pairs = 0;
  for (let byte = 0; byte < 256; byte += 1) {
    const count = counts[byte]!;
    pairs += count * (count - 1);
  }
  return (256 * pairs) / (total * (total - 1));
}
