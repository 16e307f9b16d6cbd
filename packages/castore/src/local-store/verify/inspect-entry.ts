import { decodeChunkList } from '../../chunking/chunk-list.ts';
import { B3Digest } from '../../digest/b3-digest.ts';
import { compareBytes } from '../../digest/bytes.ts';
import { Directory } from '../../node/directory.ts';
import type { Node } from '../../node/node.ts';
import { decodeIndexEntry } from '../index/index-entry.ts';
import type { LocalStore } from '../local-store.ts';
import type { QuietReader } from '../read/quiet-reader.ts';
import { RecordKind } from '../packs/record.ts';
import { IndexSpace, recordIndexKey } from '../index/store-index.ts';
import { isUnreadable } from '../store-failure.ts';
import { decodeTableEntry, tableIndexKey } from '../tables/table-entry.ts';
import type { Damage } from './damage.ts';

/** A space of the index that leads to records; its number is that of their kind. */
export type RecordSpace = 1 | 2 | 3 | 4;

/** What the records of a space are called. */
export const namesOfSpaces: Readonly<
  Record<RecordSpace, 'chunk' | 'recipe' | 'directory' | 'table-entry'>
> = {
  [IndexSpace.chunk]: 'chunk',
  [IndexSpace.recipe]: 'recipe',
  [IndexSpace.directory]: 'directory',
  [IndexSpace.tables]: 'table-entry',
};

const messages = {
  missing: 'its pack no longer has it',
  wrong: 'its bytes are not what they were',
  unreadable: 'the file system cannot read it',
} as const;

/** What is wrong with the record that an index key leads to, and with what that leads to; `undefined` for nothing. */
export function inspectEntry(
  store: LocalStore,
  reader: QuietReader,
  space: RecordSpace,
  indexKey: Buffer,
): Pick<Damage, 'fault' | 'message'> | undefined {
  const isTable = space === IndexSpace.tables;
  const key = isTable ? undefined : new Uint8Array(indexKey.subarray(1));
  const found = reader.find(space, indexKey, key);
  // Removed since it was listed.
  if (found === undefined) return undefined;
  if (found.fault !== undefined)
    return { fault: found.fault, message: messages[found.fault] };
  try {
    switch (space) {
      case IndexSpace.chunk:
        return undefined;
      case IndexSpace.recipe:
        return inspectRecipe(store, B3Digest.fromBytes(key!), found.payload);
      case IndexSpace.directory:
        return inspectDirectory(store, found.payload);
      case IndexSpace.tables:
        return inspectTableEntry(indexKey, found.payload);
    }
  } catch (error) {
    // What it leads to can't be looked for, which says nothing of the record.
    if (isUnreadable(error)) throw error;
    const reason = String((error as { message?: unknown } | null)?.message);
    return { fault: 'wrong', message: `it can't be decoded: ${reason}` };
  }
}

function inspectRecipe(
  store: LocalStore,
  blob: B3Digest,
  payload: Uint8Array,
): Pick<Damage, 'fault' | 'message'> | undefined {
  const list = decodeChunkList(blob, payload);
  if (list === undefined)
    return { fault: 'wrong', message: 'it is not that of its blob' };
  for (const { digest, size } of list.chunks) {
    const stored = rawLength(store, RecordKind.chunk, digest);
    if (stored === undefined)
      return incomplete(`chunk ${digest.toString()} is missing`);
    if (stored !== size)
      return incomplete(`chunk ${digest.toString()} has ${stored} bytes`);
  }
  return undefined;
}

function inspectDirectory(
  store: LocalStore,
  payload: Uint8Array,
): Pick<Damage, 'fault' | 'message'> | undefined {
  for (const { node } of Directory.decode(payload).entries)
    if (!isThere(store, node))
      return incomplete(`${node.type} ${digestOf(node)} is missing`);
  return undefined;
}

function inspectTableEntry(
  indexKey: Buffer,
  payload: Uint8Array,
): Pick<Damage, 'fault' | 'message'> | undefined {
  const { table, key } = decodeTableEntry(payload);
  return compareBytes(tableIndexKey(table, key), indexKey) === 0
    ? undefined
    : { fault: 'wrong', message: 'it is that of another key' };
}

function isThere(store: LocalStore, node: Node): boolean {
  if (node.type === 'symlink') return true;
  if (node.type === 'directory')
    return rawLength(store, RecordKind.directory, node.digest) !== undefined;
  return (
    rawLength(store, RecordKind.chunk, node.digest) !== undefined ||
    rawLength(store, RecordKind.recipe, node.digest) !== undefined
  );
}

function rawLength(
  store: LocalStore,
  kind: RecordKind,
  { bytes }: B3Digest,
): number | undefined {
  const indexKey = recordIndexKey(kind, bytes);
  const entry = store.interior.index.get(indexKey);
  return entry && decodeIndexEntry(indexKey, entry).rawLength;
}

function digestOf(node: Node): string {
  return node.type === 'symlink' ? '' : node.digest.toString();
}

function incomplete(message: string): Pick<Damage, 'fault' | 'message'> {
  return { fault: 'incomplete', message };
}
