import { compareBytes } from '../../digest/bytes.ts';
import { hashBytes } from '../../digest/hasher.ts';
import type { Zstd } from '../compression/zstd.ts';
import { nodeFileSystem } from '../file-system.ts';
import type { RecordExtent } from '../index/index-entry.ts';
import {
  Codec,
  RECORD_HEADER_BYTES,
  RECORD_KEY_BYTES,
} from '../packs/record.ts';
import { readStoredPart, readStoredRecord } from '../packs/stored-record.ts';
import { decodePayloadInto } from './decode-payload.ts';

/** Payloads that are to be read to places in one memory, by another thread. */
export interface ReadBatch {
  readonly memory: SharedArrayBuffer;
  /** For each: descriptor and tag of its pack; offset, codec, stored and raw length; where in the memory it goes. */
  readonly numbers: Float64Array;
  /** For each the BLAKE3 of its payload. */
  readonly keys: Uint8Array;
}

const NUMBERS = 7;

/** Gathers a {@link ReadBatch}. */
export class ReadBatchBuilder {
  readonly memory: SharedArrayBuffer;
  readonly #numbers: number[] = [];
  readonly #keys: Uint8Array[] = [];

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
  }

  /** The descriptor must stay open until the batch was read. */
  add(
    file: { readonly fd: number; readonly tag: number },
    { offset, codec, storedLength, rawLength }: RecordExtent,
    key: Uint8Array,
    at: number,
  ): void {
    this.#numbers.push(file.fd, file.tag);
    this.#numbers.push(offset, codec, storedLength, rawLength, at);
    this.#keys.push(key);
  }

  build(): ReadBatch {
    return {
      memory: this.memory,
      numbers: Float64Array.from(this.#numbers),
      keys: Buffer.concat(this.#keys),
    };
  }
}

/** Compressed payloads are read to here: longer ones get room of their own. */
const scratch = Buffer.allocUnsafeSlow(512 * 1024);

/**
 * Reads payloads to their places, each compared with its key. Answers with a byte for each: 1 where it is there, 0 where
 * it couldn't be read, or isn't what its key says; what lies in its place then is nothing.
 */
export function readBatch(
  zstd: Zstd,
  { memory, numbers, keys }: ReadBatch,
): Uint8Array {
  const count = numbers.length / NUMBERS;
  const isFilled = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) {
    const from = i * NUMBERS;
    const place = {
      fd: numbers[from]!,
      tag: numbers[from + 1]!,
      offset: numbers[from + 2]!,
      codec: numbers[from + 3] as Codec,
      storedLength: numbers[from + 4]!,
      rawLength: numbers[from + 5]!,
    };
    const into = Buffer.from(memory, numbers[from + 6], place.rawLength);
    const key = keys.subarray(i * RECORD_KEY_BYTES, (i + 1) * RECORD_KEY_BYTES);
    try {
      // Its key says all that its header does, and more.
      isFilled[i] =
        readPayload(zstd, place, into) &&
        compareBytes(hashBytes(into).bytes, key) === 0
          ? 1
          : 0;
    } catch {
      // Whoever asked reads it again, and sees for itself.
    }
  }
  return isFilled;
}

function readPayload(
  zstd: Zstd,
  place: RecordExtent & { readonly fd: number; readonly tag: number },
  into: Uint8Array,
): boolean {
  const file = { files: nodeFileSystem, fd: place.fd, tag: place.tag };
  if (place.codec === Codec.raw) return readStoredPart(file, place, 0, into);
  const length = RECORD_HEADER_BYTES + place.storedLength;
  const bytes =
    length <= scratch.length
      ? scratch.subarray(0, length)
      : Buffer.allocUnsafeSlow(length);
  const record = readStoredRecord(file, place, bytes);
  return record !== undefined && decodePayloadInto(zstd, record, into);
}
