/**
 * The canonical encoding of `tvix.castore.v1.Directory`, written and read without an object a message.
 *
 * Canonical: fields in ascending number, repeated elements in order, defaults left out, minimal varints, no unknown
 * fields. The generated codec gives the same bytes (the tests hold both, and protobufjs, against each other); this one
 * reads eight times as fast, which is felt wherever whole trees are walked.
 */
import { B3Digest } from '../digest/b3-digest.ts';
import { compareBytes } from '../digest/bytes.ts';
import { CastoreError } from '../errors.ts';
import type { NamedNode, Node } from '../node/node.ts';
import { symlinkTarget } from '../node/symlink-target.ts';
import { pathComponent, quoteBytes } from '../path/path-component.ts';
import { LENGTH_DELIMITED, VARINT, WireReader } from './wire-reader.ts';

const NONE = new Uint8Array(0);

/** Field numbers of the three lists, and of the fields of their elements. */
const DIRECTORIES = 1;
const FILES = 2;
const SYMLINKS = 3;

/** Encodes nodes that are valid and sorted by name. */
export function encodeDirectory(entries: readonly NamedNode[]): Uint8Array {
  let length = 0;
  for (const entry of entries) {
    const body = bodyLength(entry);
    length += 1 + varintLength(body) + body;
  }
  const out = new Uint8Array(length);
  let at = 0;
  for (const list of [DIRECTORIES, FILES, SYMLINKS]) {
    for (const entry of entries)
      if (listOf(entry.node) === list) at = writeEntry(out, at, list, entry);
  }
  return out;
}

/**
 * Decodes and validates; the nodes come back merged into one list, sorted by name. Names across lists may still be
 * equal: the caller looks at neighbours.
 *
 * @throws CastoreError `castore/undecodable`, `castore/invalid-node`, `castore/wrong-sorting`, `castore/duplicate-name`
 */
export function decodeDirectory(bytes: Uint8Array): NamedNode[] {
  const directories = new NodeList(toDirectoryNode);
  const files = new NodeList(toFileNode);
  const symlinks = new NodeList(toSymlinkNode);
  // Not as a Buffer, whose views are Buffers, too, and take twice as long to make.
  const { buffer, byteOffset, length } = bytes;
  const reader = new WireReader(new Uint8Array(buffer, byteOffset, length));
  while (!reader.done) {
    const tag = reader.tag();
    const list = tag >>> 3;
    if (list < DIRECTORIES || list > SYMLINKS) {
      reader.skip(tag);
      continue;
    }
    reader.expect(tag, LENGTH_DELIMITED);
    const body = reader.message();
    if (list === DIRECTORIES) directories.add(readNode(body, DIRECTORIES));
    else if (list === FILES) files.add(readNode(body, FILES));
    else symlinks.add(readNode(body, SYMLINKS));
  }
  // First the wire, then the rules, list after list: so that the first error is the one that the reference reports.
  const seen = new NameSet();
  for (const list of [directories, files, symlinks]) list.assertValid(seen);
  return mergeSorted(
    [directories, files, symlinks]
      .map(({ entries }) => entries)
      .filter((list) => list.length > 0),
  );
}

/** A node as it came: nothing checked. `data` is the digest, or the target of a symlink. */
interface RawNode {
  name: Uint8Array;
  data: Uint8Array;
  size: bigint;
  executable: boolean;
}

function readNode(reader: WireReader, list: number): RawNode {
  const node: RawNode = { name: NONE, data: NONE, size: 0n, executable: false };
  while (!reader.done) {
    const tag = reader.tag();
    const field = tag >>> 3;
    if (field === 1 || field === 2) {
      reader.expect(tag, LENGTH_DELIMITED);
      if (field === 1) node.name = reader.bytes();
      else node.data = reader.bytes();
    } else if (field === 3 && list !== SYMLINKS) {
      reader.expect(tag, VARINT);
      node.size = reader.uint64();
    } else if (field === 4 && list === FILES) {
      reader.expect(tag, VARINT);
      node.executable = reader.bool();
    } else {
      reader.skip(tag);
    }
  }
  return node;
}

function toDirectoryNode({ data, size }: RawNode): Node {
  return { type: 'directory', digest: B3Digest.fromBytes(data), size };
}

function toFileNode({ data, size, executable }: RawNode): Node {
  return { type: 'file', digest: B3Digest.fromBytes(data), size, executable };
}

function toSymlinkNode({ data }: RawNode): Node {
  return { type: 'symlink', target: symlinkTarget(data) };
}

/**
 * One of the three lists: each node is checked as it comes, and then its place. Of what comes after the first that breaks
 * a rule nothing is kept, so that a message doesn't become forty times its size before it is refused.
 */
class NodeList {
  readonly entries: NamedNode[] = [];
  readonly #convert: (raw: RawNode) => Node;
  #failure: CastoreError | undefined;

  constructor(convert: (raw: RawNode) => Node) {
    this.#convert = convert;
  }

  add(raw: RawNode): void {
    if (this.#failure !== undefined) return;
    const { name } = raw;
    let entry: NamedNode;
    try {
      const node = this.#convert(raw);
      entry = { name: pathComponent(name), node };
    } catch (cause) {
      this.#failure = new CastoreError(
        'castore/invalid-node',
        `invalid node ${quoteBytes(name)}`,
        { cause, details: { name } },
      );
      return;
    }
    const previous = this.entries.at(-1);
    const order =
      previous === undefined ? -1 : compareBytes(previous.name, entry.name);
    if (order < 0) this.entries.push(entry);
    else if (order === 0) this.#failure = duplicateName(name);
    else {
      this.#failure = new CastoreError(
        'castore/wrong-sorting',
        `the name ${quoteBytes(name)} comes too late in its list`,
        { details: { name } },
      );
    }
  }

  /** Throws for the first node that broke a rule, one of which is that no list before had its name. */
  assertValid(seen: NameSet): void {
    for (const entry of this.entries)
      if (seen.clashes(entry)) throw duplicateName(entry.name);
    if (this.#failure !== undefined) throw this.#failure;
    seen.add(this.entries);
  }
}

function duplicateName(name: Uint8Array): CastoreError {
  return new CastoreError(
    'castore/duplicate-name',
    `the name ${quoteBytes(name)} stands twice in a directory`,
    { details: { name } },
  );
}

/** The sorted lists that were checked before; a later list's names come in order, so one cursor a list is enough. */
class NameSet {
  readonly #lists: { entries: readonly NamedNode[]; at: number }[] = [];

  add(entries: readonly NamedNode[]): void {
    for (const list of this.#lists) list.at = 0;
    if (entries.length > 0) this.#lists.push({ entries, at: 0 });
  }

  clashes({ name }: NamedNode): boolean {
    for (const list of this.#lists) {
      while (list.at < list.entries.length) {
        const order = compareBytes(list.entries[list.at]!.name, name);
        if (order === 0) return true;
        if (order > 0) break;
        list.at++;
      }
    }
    return false;
  }
}

function mergeSorted(lists: readonly (readonly NamedNode[])[]): NamedNode[] {
  if (lists.length === 1) return [...lists[0]!];
  const merged: NamedNode[] = [];
  const at = lists.map(() => 0);
  for (;;) {
    let best = -1;
    for (let i = 0; i < lists.length; i++) {
      const candidate = lists[i]![at[i]!];
      if (candidate === undefined) continue;
      if (
        best < 0 ||
        compareBytes(candidate.name, lists[best]![at[best]!]!.name) < 0
      )
        best = i;
    }
    if (best < 0) return merged;
    merged.push(lists[best]![at[best]!]!);
    at[best]!++;
  }
}

function listOf(node: Node): number {
  return node.type === 'directory'
    ? DIRECTORIES
    : node.type === 'file'
      ? FILES
      : SYMLINKS;
}

function bodyLength({ name, node }: NamedNode): number {
  const start = 1 + varintLength(name.length) + name.length;
  if (node.type === 'symlink')
    return start + 1 + varintLength(node.target.length) + node.target.length;
  const size = node.size === 0n ? 0 : 1 + bigVarintLength(node.size);
  const executable = node.type === 'file' && node.executable ? 2 : 0;
  return start + 2 + B3Digest.LENGTH + size + executable;
}

function writeEntry(
  out: Uint8Array,
  at: number,
  list: number,
  entry: NamedNode,
): number {
  const { name, node } = entry;
  out[at++] = (list << 3) | LENGTH_DELIMITED;
  at = writeVarint(out, at, bodyLength(entry));
  at = writeBytes(out, at, 1, name);
  if (node.type === 'symlink') return writeBytes(out, at, 2, node.target);
  at = writeBytes(out, at, 2, node.digest.bytes);
  if (node.size !== 0n) {
    out[at++] = (3 << 3) | VARINT;
    at = writeBigVarint(out, at, node.size);
  }
  if (node.type === 'file' && node.executable) {
    out[at++] = (4 << 3) | VARINT;
    out[at++] = 1;
  }
  return at;
}

function writeBytes(
  out: Uint8Array,
  at: number,
  field: number,
  bytes: Uint8Array,
): number {
  out[at++] = (field << 3) | LENGTH_DELIMITED;
  at = writeVarint(out, at, bytes.length);
  out.set(bytes, at);
  return at + bytes.length;
}

function varintLength(value: number): number {
  let length = 1;
  while (value >= 0x80) {
    value = Math.floor(value / 0x80);
    length++;
  }
  return length;
}

function writeVarint(out: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    out[at++] = (value % 0x80) | 0x80;
    value = Math.floor(value / 0x80);
  }
  out[at++] = value;
  return at;
}

function bigVarintLength(value: bigint): number {
  if (value <= Number.MAX_SAFE_INTEGER) return varintLength(Number(value));
  let length = 0;
  for (; value > 0n; value >>= 7n) length++;
  return length;
}

function writeBigVarint(out: Uint8Array, at: number, value: bigint): number {
  if (value <= Number.MAX_SAFE_INTEGER)
    return writeVarint(out, at, Number(value));
  for (; value >= 0x80n; value >>= 7n) out[at++] = Number(value & 0x7fn) | 0x80;
  out[at++] = Number(value);
  return at;
}
