import { Directory, DigestMap, requireDirectory } from '@tvix/castore';
import type {
  CallOptions,
  DirectoryLookup,
  DirectoryNode,
  FileNode,
  NamedNode,
  Node,
} from '@tvix/castore';
import {
  archiveSize,
  contentsOffset,
  directoryNodeSize,
  entriesOffset,
  entryNodeOffset,
  entrySize,
  rootNodeOffset,
} from '@tvix/nar';
import type { NarSizes } from './sizes.ts';

/**
 * What is left of a tree's NAR from an offset on. A NAR is told in one pass, so that the end of it is the end of the NAR
 * of a smaller tree: the same one without all that comes before the offset. Only a large file that the offset falls into
 * stands by itself.
 */
export interface NarRemainder {
  /** The file that the offset falls into, and how many bytes of its contents are before it. */
  readonly file?: { readonly node: FileNode; readonly skipped: bigint };
  /** The bytes that close what the offset falls into, before the next entry. */
  readonly closing: Uint8Array;
  /** The smaller tree and the size of its NAR; `undefined` where nothing comes after. */
  readonly rest?: { readonly node: Node; readonly narSize: bigint };
  /** The directories that exist only in the smaller tree. */
  readonly made: DigestMap<Directory>;
}

/** Files up to this length are kept whole: rendering one costs no more than opening it in the middle. */
const WHOLE_FILE_BYTES = 128n * 1024n;

/** `)` as a string of a NAR. */
const CLOSE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0x29, 0, 0, 0, 0, 0, 0, 0);
const CLOSE_TWICE = Uint8Array.of(...CLOSE, ...CLOSE);

/** A directory on the way down: the name that the way goes on with, and the entries after it. */
interface Level {
  readonly name?: NamedNode['name'];
  readonly after: readonly NamedNode[];
}

/**
 * Cuts away what comes before `offset` in the NAR of a node.
 *
 * @throws CastoreError `castore/directory-not-found`; StoreError `store/no-nar-form`
 */
export async function cutNar(
  root: Node,
  offset: bigint,
  directories: DirectoryLookup,
  sizes: NarSizes,
  options?: CallOptions,
): Promise<NarRemainder> {
  const levels: Level[] = [];
  let node = root;
  let at = offset - rootNodeOffset();
  for (;;) {
    if (node.type === 'file') {
      const found = cutFile(node, at, levels.length > 0) ?? { whole: node };
      return join(levels, found, sizes, options);
    }
    if (node.type === 'symlink' || at < entriesOffset())
      return join(levels, { whole: node }, sizes, options);

    const { entries } = await requireDirectory(
      directories,
      node.digest,
      options,
    );
    let start = entriesOffset();
    let index = 0;
    let size = 0n;
    for (; index < entries.length; index++) {
      size = await sizes.ofNode(entries[index]!.node, options);
      const end = start + entrySize(entries[index]!.name.length, size);
      if (end > at) break;
      start = end;
    }
    const entry = entries[index];
    if (entry === undefined) {
      levels.push({ after: [] });
      return join(levels, {}, sizes, options);
    }
    const nodeStart = start + entryNodeOffset(entry.name.length);
    const nodeEnd = nodeStart + size;
    if (at < nodeStart) {
      levels.push({ after: entries.slice(index) });
      return join(levels, {}, sizes, options);
    }
    const after = entries.slice(index + 1);
    if (at >= nodeEnd) {
      levels.push({ after });
      const closing = CLOSE.subarray(Number(at - nodeEnd));
      return join(levels, { closing }, sizes, options);
    }
    levels.push({ name: entry.name, after });
    node = entry.node;
    at -= nodeStart;
  }
}

/** What stands at the end of the way down. */
interface Found extends Partial<Pick<NarRemainder, 'file' | 'closing'>> {
  /** The node that the offset falls into, where it is rendered whole. */
  readonly whole?: Node;
}

function cutFile(
  node: FileNode,
  at: bigint,
  isEntry: boolean,
): Found | undefined {
  const start = contentsOffset(node.executable);
  if (at < start || node.size <= WHOLE_FILE_BYTES) return undefined;
  const inContents = at - start;
  const skipped = inContents < node.size ? inContents : node.size;
  const padding = Number(-node.size & 7n);
  const close = isEntry ? CLOSE_TWICE : CLOSE;
  const closing = new Uint8Array(padding + close.length);
  closing.set(close, padding);
  return {
    ...(skipped < node.size && { file: { node, skipped } }),
    closing: closing.subarray(Number(inContents - skipped)),
  };
}

/** Builds the smaller tree from the bottom up. */
async function join(
  levels: readonly Level[],
  found: Found,
  sizes: NarSizes,
  options?: CallOptions,
): Promise<NarRemainder> {
  const made = new DigestMap<Directory>();
  let rest = found.whole;
  let restSize = rest === undefined ? 0n : await sizes.ofNode(rest, options);
  for (const { name, after } of levels.toReversed()) {
    let size = 0n;
    for (const entry of after) size += await sizes.ofEntry(entry, options);
    const entries = [...after];
    if (name !== undefined && rest !== undefined) {
      entries.unshift({ name, node: rest });
      size += entrySize(name.length, restSize);
    }
    const directory = Directory.fromEntries(entries);
    made.set(directory.digest, directory);
    rest = nodeOf(directory);
    restSize = directoryNodeSize(size);
  }
  return {
    ...(found.file && { file: found.file }),
    ...(rest && { rest: { node: rest, narSize: archiveSize(restSize) } }),
    closing: found.closing ?? new Uint8Array(0),
    made,
  };
}

function nodeOf({ digest, size }: Directory): DirectoryNode {
  return { type: 'directory', digest, size };
}
