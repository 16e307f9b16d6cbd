import { hashBytes } from '../../digest/hasher.ts';
import type { QueuedRecord } from '../commit-queue.ts';
import { decodeIndexEntry, INDEX_ENTRY_BYTES } from '../index-entry.ts';
import { scanIndex } from '../index-scan.ts';
import type { LocalStore } from '../local-store.ts';
import { prepareUncompressed } from '../prepare-records.ts';
import { RecordKind } from '../record.ts';
import { IndexSpace } from '../store-index.ts';
import {
  decodeTableTail,
  encodeTableEntry,
  splitTableIndexKey,
} from '../table-entry.ts';

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
  for await (const page of scanIndex(index, IndexSpace.tables)) {
    const rescued: QueuedRecord[] = [];
    for (const [indexKey, entry] of page) {
      const location = decodeIndexEntry(indexKey, entry);
      if (!isDamaged(location.pack)) continue;
      const tail = entry.subarray(INDEX_ENTRY_BYTES);
      const { sequence, value } = decodeTableTail(tail);
      if (value === undefined) continue;
      const named = splitTableIndexKey(indexKey);
      const bytes = encodeTableEntry({ ...named, sequence, value });
      const { bytes: key } = hashBytes(bytes);
      const kind = RecordKind.tableEntry;
      const record = prepareUncompressed({ kind, key, bytes });
      rescued.push({ record, indexKey, movedFrom: location });
    }
    if (rescued.length > 0) await writing!.queue.move(rescued);
  }
}
