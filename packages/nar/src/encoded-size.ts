/**
 * The exact number of bytes that each element takes in an archive: enough to know the size of an archive, and where in
 * it every file lies, without writing it. An archive is {@link archiveSize} of its root node; sizes add up.
 */
const MAGIC_BYTES = 24n;
/** `( type … )` around the kind of a node. */
const NODE_BYTES = 48n;
const ENTRY_BYTES = 80n;

/** Size of a byte string: its length field, its bytes, its padding. */
export function stringSize(length: bigint): bigint {
  return 8n + ((length + 7n) & ~7n);
}

/** Size of an archive whose root node takes `node` bytes. */
export function archiveSize(node: bigint): bigint {
  return MAGIC_BYTES + node;
}

/** Offset of the root node in an archive. */
export function rootNodeOffset(): bigint {
  return MAGIC_BYTES;
}

/** Size of the node of a file of `size` bytes. */
export function regularNodeSize(executable: boolean, size: bigint): bigint {
  return contentsOffset(executable) - 8n + stringSize(size) + 16n;
}

/** Offset of a file's contents in its node. */
export function contentsOffset(executable: boolean): bigint {
  return executable ? 104n : 72n;
}

/** Size of the node of a symlink whose target has `targetLength` bytes. */
export function symlinkNodeSize(targetLength: number): bigint {
  return NODE_BYTES + 32n + stringSize(BigInt(targetLength));
}

/** Size of the node of a directory whose entries take `entries` bytes together. */
export function directoryNodeSize(entries: bigint): bigint {
  return NODE_BYTES + 24n + entries;
}

/** Size of a directory entry whose name has `nameLength` bytes and whose node takes `node` bytes. */
export function entrySize(nameLength: number, node: bigint): bigint {
  return ENTRY_BYTES + stringSize(BigInt(nameLength)) + node;
}

/** Offset of an entry's node in the entry. */
export function entryNodeOffset(nameLength: number): bigint {
  return ENTRY_BYTES - 16n + stringSize(BigInt(nameLength));
}

/** Offset of a directory's first entry in the directory's node. */
export function entriesOffset(): bigint {
  return NODE_BYTES - 16n + 24n;
}
