import { crc32 } from 'node:zlib';
import { TimeSlice, yieldToLoop } from '../../blob-service/time-slice.ts';
import { compareBytes } from '../../digest/bytes.ts';
import { decodePayload } from '../read/decode-payload.ts';
import {
  decodeIndexEntry,
  isSamePlace,
  type RecordPlace,
} from '../index/index-entry.ts';
import type { LocalStore } from '../local-store.ts';
import type { PackEntry, PackListing } from '../packs/pack-listing.ts';
import type { StoredRecord } from '../packs/stored-record.ts';
import { listPack } from '../packs/pack-scan.ts';
import { PackWindow } from '../packs/pack-window.ts';
import type { PreparedRecord } from '../packs/pack-writer.ts';
import type { Pack } from '../packs/packs.ts';
import {
  decodeRecordHeader,
  RECORD_HEADER_BYTES,
  RECORD_KEY_BYTES,
  RecordKind,
} from '../packs/record.ts';
import { ioFailure } from '../store-failure.ts';
import { decodeTableEntry, tableIndexKey } from '../tables/table-entry.ts';
import type { Removals } from './removals.ts';
import type { Slab } from './slab.ts';

/**
 * As many make a batch at most: small records take more room as objects than as payloads, and what waits to be written
 * outlives two collections of the young.
 */
const BATCH_RECORDS = 2000;

/** A record that is about to be copied. */
export interface LiveRecord {
  readonly from: RecordPlace;
  /** `undefined` for a removal that is carried along. */
  readonly indexKey: Buffer | undefined;
  readonly record: PreparedRecord;
}

/**
 * Reads what of a pack must outlive it, from front to back: the records that the index leads to, and the removals that
 * are needed. Damaged ones are left out. The payloads of a batch lie in one of the slabs, which are used in turn.
 *
 * @throws CastoreError `castore/io`
 */
export async function* readLiveRecords(
  store: LocalStore,
  pack: Pack,
  removals: Removals,
  slabs: readonly [Slab, Slab],
): AsyncGenerator<readonly LiveRecord[]> {
  if (pack.availableLength === 0) return;
  const { files } = store.interior;
  const fd = files.openSync(pack.file, 'r');
  try {
    const length = pack.availableLength;
    const { parts } = listPack(files, fd, length, pack.tag);
    const window = new PackWindow(files, fd, length);
    const slice = new TimeSlice();
    let [slab, other] = slabs;
    let batch: LiveRecord[] = [];
    slab.clear();
    for (const entries of parts()) {
      for (let i = 0; i < entries.length; i += 1) {
        if (slice.isOver()) {
          await yieldToLoop();
          slice.restart();
        }
        const found = find(store, pack, window, entries, i, removals);
        if (found === undefined) continue;
        const isFull =
          batch.length === BATCH_RECORDS ||
          !slab.hasRoom(found.record.payload.length);
        if (isFull) {
          if (batch.length > 0) yield batch;
          batch = [];
          [slab, other] = [other, slab];
          slab.clear();
        }
        // The window moves on.
        const payload = slab.keep(found.record.payload);
        batch.push({ ...found, record: { ...found.record, payload } });
      }
    }
    if (batch.length > 0) yield batch;
  } finally {
    files.closeSync(fd);
  }
}

/** `undefined` where nothing leads to the record, or it is damaged. */
function find(
  store: LocalStore,
  pack: Pack,
  window: PackWindow,
  entries: PackListing,
  i: number,
  removals: Removals,
): LiveRecord | undefined {
  const kind = entries.kindAt(i);
  if (kind === RecordKind.tableEntry)
    return findTableEntry(store, pack, window, entries.at(i), removals);
  const from = { pack: pack.number, offset: entries.offsetAt(i) };
  const indexKey = Buffer.allocUnsafe(1 + RECORD_KEY_BYTES);
  indexKey[0] = kind;
  entries.copyKey(i, indexKey, 1);
  if (!leadsTo(store, indexKey, from)) return undefined;
  const entry = entries.at(i);
  const stored = readSound(pack, window, entry);
  return stored && { from, indexKey, record: recordOf(entry.key, stored) };
}

function findTableEntry(
  store: LocalStore,
  pack: Pack,
  window: PackWindow,
  entry: PackEntry,
  removals: Removals,
): LiveRecord | undefined {
  const stored = readSound(pack, window, entry);
  const payload = stored && decodePayload(store.interior.zstd, stored);
  if (payload === undefined) return undefined;
  const from = { pack: pack.number, offset: entry.offset };
  const record = recordOf(entry.key, stored!);
  const change = decodeTableEntry(payload);
  const indexKey = tableIndexKey(change.table, change.key);
  if (change.value === undefined)
    return removals.isNeeded(indexKey, pack)
      ? { from, indexKey: undefined, record }
      : undefined;
  return leadsTo(store, indexKey, from)
    ? { from, indexKey, record }
    : undefined;
}

function leadsTo(
  store: LocalStore,
  indexKey: Buffer,
  place: RecordPlace,
): boolean {
  const known = store.interior.index.get(indexKey);
  return (
    known !== undefined && isSamePlace(decodeIndexEntry(indexKey, known), place)
  );
}

/** A record as it lies in a pack, a view of the window; `undefined` where it is damaged. */
function readSound(
  pack: Pack,
  window: PackWindow,
  { kind, key, offset, storedLength }: PackEntry,
): StoredRecord | undefined {
  const length = RECORD_HEADER_BYTES + storedLength;
  let bytes: Buffer;
  try {
    bytes = window.at(offset, length);
  } catch (error) {
    throw ioFailure(`cannot read ${pack.file}`, error);
  }
  if (bytes.length < length) return undefined;
  const header = decodeRecordHeader(bytes, pack.tag);
  if (
    header === undefined ||
    header.kind !== kind ||
    header.storedLength !== storedLength ||
    compareBytes(header.key, key) !== 0
  )
    return undefined;
  const payload = bytes.subarray(RECORD_HEADER_BYTES);
  return crc32(payload) === header.payloadCrc ? { header, payload } : undefined;
}

function recordOf(
  key: Uint8Array,
  { header, payload }: StoredRecord,
): PreparedRecord {
  const { kind, codec, rawLength, payloadCrc } = header;
  return { kind, key, codec, payload, rawLength, payloadCrc };
}
