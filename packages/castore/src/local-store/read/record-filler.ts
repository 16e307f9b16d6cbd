import type { IndexedRecord } from '../index/index-entry.ts';
import type { StoreThreads } from '../threads/store-threads.ts';
import { ReadBatchBuilder } from './read-batch.ts';
import type { RecordReader } from './record-reader.ts';

/** A record, and the place in shared memory where its raw bytes go. */
export interface PlacedRecord {
  readonly key: Uint8Array;
  readonly into: Uint8Array;
}

/** What a filler works with. */
export interface RecordFillerParts {
  /** Where the record of a key lies, which counts as used from then on. */
  readonly use: (key: Uint8Array) => IndexedRecord | undefined;
  readonly reader: Pick<RecordReader, 'lend' | 'giveBack'>;
  readonly threads: Pick<StoreThreads, 'read'>;
}

/** Those whose places lie in one memory. */
interface Batch {
  readonly memory: SharedArrayBuffer;
  readonly records: LocatedRecord[];
  bytes: number;
}

interface LocatedRecord extends PlacedRecord {
  readonly location: IndexedRecord;
}

/** Up to so many bytes are as quickly read at once: the trip to another thread costs more. */
const AT_ONCE_BYTES = 16 * 1024;

/**
 * Reads content-addressed records to their places many at a time, in other threads. What they can't read, or isn't what
 * its key says, is left to the caller, who reads it at once and so learns what is wrong.
 */
export class RecordFiller {
  readonly #parts: RecordFillerParts;
  #batches = new Map<SharedArrayBuffer, Batch>();

  constructor(parts: RecordFillerParts) {
    this.#parts = parts;
  }

  /**
   * Takes a record on. False where none of that length is at hand, or the place doesn't lie in shared memory. Nobody may
   * look at the place until it is filled.
   */
  add(key: Uint8Array, into: Uint8Array): boolean {
    const memory = into.buffer;
    if (!(memory instanceof SharedArrayBuffer)) return false;
    const location = this.#parts.use(key);
    if (location?.rawLength !== into.length) return false;
    let batch = this.#batches.get(memory);
    if (batch === undefined) {
      batch = { memory, records: [], bytes: 0 };
      this.#batches.set(memory, batch);
    }
    batch.records.push({ key, into, location });
    batch.bytes += into.length;
    return true;
  }

  /** Fills the places that were taken on since the last call. Answers with those that weren't. */
  async fill(): Promise<readonly PlacedRecord[]> {
    const batches = [...this.#batches.values()];
    this.#batches = new Map();
    const left = await Promise.all(batches.map((batch) => this.#fill(batch)));
    return left.flat();
  }

  async #fill({
    memory,
    records,
    bytes,
  }: Batch): Promise<readonly PlacedRecord[]> {
    if (bytes <= AT_ONCE_BYTES) return records;
    const { reader, threads } = this.#parts;
    const builder = new ReadBatchBuilder(memory);
    const descriptors: number[] = [];
    try {
      for (const { key, into, location } of records) {
        const file = reader.lend(location);
        if (file === undefined) return records;
        descriptors.push(file.fd);
        builder.add(file, location, key, into.byteOffset);
      }
      const isFilled = await threads.read(builder.build(), bytes);
      return records.filter((_, i) => isFilled[i] !== 1);
    } catch {
      // A pack can't be opened, or the thread ended: of a store that closes, or for want of memory.
      return records;
    } finally {
      for (const fd of descriptors) reader.giveBack(fd);
    }
  }
}
