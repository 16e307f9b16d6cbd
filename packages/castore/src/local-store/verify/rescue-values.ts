import { hashBytes } from '../../digest/hasher.ts';
import type { QueuedRecord } from '../commit/commit-queue.ts';
import {
  decodeIndexEntry,
  encodeIndexEntry,
  INDEX_ENTRY_BYTES,
  isSamePlace,
  type RecordLocation,
} from '../index/index-entry.ts';
import { scanIndex } from '../index/index-scan.ts';
import type { LocalStore } from '../local-store.ts';
import { prepareUncompressed } from '../commit/prepare-records.ts';
import { RecordKind } from '../packs/record.ts';
import {
  IndexSpace,
  type IndexWrite,
  type StoreIndex,
} from '../index/store-index.ts';
import {
  decodeTableTail,
  encodeTableEntry,
  splitTableIndexKey,
} from '../tables/table-entry.ts';

/** A value that is written anew. */
interface Rescued {
  readonly indexKey: Buffer;
  readonly from: RecordLocation;
  to: RecordLocation | undefined;
}

/**
 * Writes the values of tables that stand in the index, too, into the open pack, where the pack that they lie in is one of
 * these: what is damaged there is whole here, its checksum says so.
 *
 * @throws CastoreError `castore/no-space`, `castore/store-failed`
 */
export async function rescueValues(
  store: LocalStore,
  isDamaged: (pack: number) => boolean,
): Promise<void> {
  const { index, writing } = store.interior;
  const { queue } = writing!;
  for await (const page of scanIndex(index, IndexSpace.tables)) {
    const rescued: Rescued[] = [];
    const records: QueuedRecord[] = [];
    for (const [indexKey, entry] of page) {
      const from = decodeIndexEntry(indexKey, entry);
      if (!isDamaged(from.pack)) continue;
      const record = recordOf(indexKey, entry);
      if (record === undefined) continue;
      const one: Rescued = { indexKey, from, to: undefined };
      rescued.push(one);
      records.push({
        record,
        indexKey: undefined,
        onPlaced: (to) => (one.to = to),
      });
    }
    if (records.length === 0) continue;
    await queue.add(records);
    await queue.amend(() => rescued.flatMap((one) => leadThere(index, one)));
  }
}

/** The record that the pack lost, with the number that it had; `undefined` where the index hasn't got its value. */
function recordOf(
  indexKey: Buffer,
  entry: Buffer,
): QueuedRecord['record'] | undefined {
  const tail = entry.subarray(INDEX_ENTRY_BYTES);
  const { sequence, value } = decodeTableTail(tail);
  if (value === undefined) return undefined;
  const named = splitTableIndexKey(indexKey);
  const bytes = encodeTableEntry({ ...named, sequence, value });
  const { bytes: key } = hashBytes(bytes);
  return prepareUncompressed({ kind: RecordKind.tableEntry, key, bytes });
}

/** What was changed meanwhile stays as it is. */
function leadThere(
  index: StoreIndex,
  { indexKey, from, to }: Rescued,
): IndexWrite[] {
  const entry = index.get(indexKey);
  if (entry === undefined || to === undefined) return [];
  const location = decodeIndexEntry(indexKey, entry);
  if (!isSamePlace(location, from)) return [];
  const tail = entry.subarray(INDEX_ENTRY_BYTES);
  const { touched } = location;
  return [
    { key: indexKey, value: encodeIndexEntry(indexKey, to, touched, tail) },
  ];
}
