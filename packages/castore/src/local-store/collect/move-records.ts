import { TimeSlice, yieldToLoop } from '../../blob-service/time-slice.ts';
import type { QueuedRecord } from '../commit-queue.ts';
import { decodeIndexEntry, isSamePlace } from '../index-entry.ts';
import type { LocalStore } from '../local-store.ts';
import type { PackEntry } from '../pack-footer.ts';
import { listPack } from '../pack-scan.ts';
import type { Pack } from '../packs.ts';
import { QuietReader } from '../quiet-reader.ts';
import { RecordKind, recordSpan } from '../record.ts';
import { recordIndexKey } from '../store-index.ts';
import { ioFailure } from '../store-failure.ts';
import { decodeTableEntry, tableIndexKey } from '../table-entry.ts';
import type { Removals } from './removals.ts';

/** So much is read before it is appended to another pack. */
const BATCH_BYTES = 4 * 1024 * 1024;

/**
 * Copies the records of a sealed pack that the index leads to into the open pack, as they are, with the removals that
 * are still needed. A damaged record stays where it is, and the index leads to it as before. Answers with
 * the bytes that were copied.
 *
 * @throws CastoreError `castore/no-space`, `castore/store-failed`, `castore/io`
 */
export async function moveRecords(
  store: LocalStore,
  pack: Pack,
  removals: Removals,
): Promise<number> {
  const { queue } = store.interior.writing!;
  const reader = new QuietReader(store);
  const slice = new TimeSlice();
  let batch: QueuedRecord[] = [];
  let waiting = 0;
  let moved = 0;
  try {
    for (const entry of listEntries(store, pack)) {
      if (slice.isOver()) {
        await yieldToLoop();
        slice.restart();
      }
      const record = readToMove(store, reader, pack, entry, removals);
      if (record === undefined) continue;
      batch.push(record);
      waiting += recordSpan(entry.storedLength);
      if (waiting < BATCH_BYTES) continue;
      await queue.move(batch);
      moved += waiting;
      batch = [];
      waiting = 0;
    }
    if (batch.length > 0) await queue.move(batch);
    return moved + waiting;
  } finally {
    reader.close();
  }
}

/** The records of a pack, as it tells itself; none where its file is gone. */
export function listEntries(
  store: LocalStore,
  pack: Pack,
): readonly PackEntry[] {
  if (pack.availableLength === 0) return [];
  const { files } = store.interior;
  const fd = files.openSync(pack.file, 'r');
  try {
    return listPack(files, fd, pack.availableLength, pack.tag).entries;
  } finally {
    files.closeSync(fd);
  }
}

/** The record with its payload, where something leads to it or it is a removal that is needed; else `undefined`. */
function readToMove(
  store: LocalStore,
  reader: QuietReader,
  pack: Pack,
  entry: PackEntry,
  removals: Removals,
): QueuedRecord | undefined {
  const { kind, key } = entry;
  const location = { pack: pack.number, ...entry };
  const isTable = kind === RecordKind.tableEntry;
  const leadsHere = (indexKey: Buffer): boolean => {
    const known = store.interior.index.get(indexKey);
    return (
      known !== undefined &&
      isSamePlace(decodeIndexEntry(indexKey, known), location)
    );
  };
  if (!isTable && !leadsHere(recordIndexKey(kind, key))) return undefined;
  const found = reader.inspect(location, kind, key);
  if (found.fault === 'unreadable')
    throw ioFailure(`cannot read ${pack.file}`, found.cause);
  if (found.fault !== undefined) return undefined;
  let indexKey: Buffer | undefined = recordIndexKey(kind, key);
  if (isTable) {
    const change = decodeTableEntry(found.payload);
    indexKey = tableIndexKey(change.table, change.key);
    if (change.value === undefined) {
      if (!removals.isNeeded(indexKey, pack)) return undefined;
      indexKey = undefined;
    } else if (!leadsHere(indexKey)) return undefined;
  }
  const { header, payload } = found.stored;
  return {
    indexKey,
    movedFrom: location,
    record: {
      kind,
      key,
      codec: header.codec,
      // The reader's buffer is used again.
      payload: new Uint8Array(payload),
      rawLength: header.rawLength,
      payloadCrc: header.payloadCrc,
    },
  };
}
