import { compareBytes } from '../../digest/bytes.ts';
import { hashBytes } from '../../digest/hasher.ts';
import { currentPacks } from '../packs/current-packs.ts';
import { decodePayload } from './decode-payload.ts';
import {
  decodeIndexEntry,
  payloadEnd,
  type RecordLocation,
} from '../index/index-entry.ts';
import type { LocalStore } from '../local-store.ts';
import { PackReader } from '../packs/pack-reader.ts';
import type { StoredRecord } from '../packs/stored-record.ts';
import type { Packs } from '../packs/packs.ts';
import { isContentAddressed, type RecordKind } from '../packs/record.ts';
import { errnoOf } from '../store-failure.ts';

/**
 * What became of a record:
 *
 * - `missing`: its pack is gone, or too short.
 * - `wrong`: its bytes aren't what they were.
 * - `unreadable`: the file system failed; the bytes may be sound.
 */
export type RecordFault = 'missing' | 'wrong' | 'unreadable';

/** A record that was read and checked, or what is wrong with it. */
export type Inspection =
  | {
      readonly fault: undefined;
      readonly payload: Uint8Array;
      /** As it lies in the pack; valid until the next call. */
      readonly stored: StoredRecord;
    }
  | { readonly fault: RecordFault; readonly cause?: unknown };

/** Reads records for the care of a store: that isn't use, and what is damaged stays in the index. */
export class QuietReader {
  readonly #store: LocalStore;
  readonly #reader: PackReader;
  #packs: Packs;

  constructor(store: LocalStore) {
    this.#store = store;
    this.#reader = new PackReader(store.interior.files);
    store.interior.readers.add(this.#reader);
    this.#packs = currentPacks(store);
  }

  /** The record that an index key leads to, read again before it counts as damaged; `undefined` where it leads nowhere. */
  find(
    kind: RecordKind,
    indexKey: Buffer,
    key: Uint8Array | undefined,
  ): Inspection | undefined {
    let inspection: Inspection | undefined;
    for (let attempt = 0; attempt < 2; attempt += 1) {
      // Looked up each time: another process may have moved it.
      const entry = this.#store.interior.index.get(indexKey);
      if (entry === undefined) return undefined;
      const location = decodeIndexEntry(indexKey, entry);
      inspection = this.inspect(location, kind, key);
      if (inspection.fault === undefined) return inspection;
      this.#packs = currentPacks(this.#store);
      const pack = this.#packs.get(location.pack);
      if (pack !== undefined) this.#reader.forget(pack);
    }
    return inspection;
  }

  /** The record at a location, read once. A table's record is told by its header, the others by their key. */
  inspect(
    location: RecordLocation,
    kind: RecordKind,
    expectedKey: Uint8Array | undefined,
  ): Inspection {
    const pack = this.#packs.get(location.pack);
    if (pack === undefined || payloadEnd(location) > pack.availableLength)
      return { fault: 'missing' };
    let stored: StoredRecord | undefined;
    try {
      stored = this.#reader.read(pack, location, { checkAlways: true });
    } catch (cause) {
      return errnoOf(cause) === 'ENOENT'
        ? { fault: 'missing' }
        : { fault: 'unreadable', cause };
    }
    if (stored === undefined || stored.header.kind !== kind)
      return { fault: 'wrong' };
    const key = expectedKey ?? stored.header.key;
    if (compareBytes(stored.header.key, key) !== 0) return { fault: 'wrong' };
    const payload = decodePayload(this.#store.interior.zstd, stored);
    if (payload === undefined) return { fault: 'wrong' };
    if (
      isContentAddressed(kind) &&
      compareBytes(hashBytes(payload).bytes, key) !== 0
    )
      return { fault: 'wrong' };
    return { fault: undefined, payload, stored };
  }

  close(): void {
    this.#store.interior.readers.delete(this.#reader);
    this.#reader.close();
  }
}
