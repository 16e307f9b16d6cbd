import type { NamedNode } from '@tvix/castore';
import { modeOf, writeEntry } from './attributes.ts';
import {
  contentDigest,
  inodeNumberHigh,
  inodeNumberLow,
  kindOf,
  nodeSize,
} from './inode-identity.ts';
import type { InodeTable } from './inode-table.ts';
import { LENGTH, NAME_MAX, padded, ROOT_ID, S_IFDIR } from './fuse/protocol.ts';
import type { ReplyBuffer } from './fuse/reply.ts';

/** Entries that every directory has, and that stand in front. */
const DOTS = [Uint8Array.of(0x2e), Uint8Array.of(0x2e, 0x2e)] as const;

/** The place of a directory's first real entry: `.` and `..` come before it. */
export const FIRST_ENTRY = 2;

/** Writes the entries of one READDIR or READDIRPLUS reply. */
export class ListingWriter {
  readonly #reply: ReplyBuffer;
  readonly #inodes: InodeTable;
  readonly #isPlus: boolean;
  readonly #start = LENGTH.OUT_HEADER;
  readonly #end: number;
  #at: number = LENGTH.OUT_HEADER;

  /** @param size as many bytes as the kernel has room for */
  constructor(
    reply: ReplyBuffer,
    inodes: InodeTable,
    isPlus: boolean,
    size: number,
  ) {
    this.#reply = reply;
    this.#inodes = inodes;
    this.#isPlus = isPlus;
    this.#end = Math.min(this.#start + size, reply.bytes.length);
  }

  /** How many bytes stand there so far. */
  get length(): number {
    return this.#at - this.#start;
  }

  /**
   * Adds `.` and `..` from that place on; false when there is no room. They have the number of the root, which nobody
   * looks at: the kernel knows both by itself.
   */
  addDots(offset: number): boolean {
    for (let i = offset; i < FIRST_ENTRY; i++) {
      const name = DOTS[i]!;
      if (!this.#fits(name)) return false;
      if (this.#isPlus)
        this.#reply.bytes.fill(0, this.#at, this.#at + LENGTH.ENTRY_OUT);
      this.#writeDirent(name, ROOT_ID, 0, i + 1, S_IFDIR >>> 12);
    }
    return true;
  }

  /**
   * Adds an entry and, where the kernel learns its inode this way, a reference to it; false when there is no room.
   *
   * @param offset the place of the next entry
   */
  add(
    parent: number,
    { name, node }: NamedNode,
    offset: number,
    validSeconds: number,
  ): boolean {
    // The kernel calls the whole listing broken for a name that it can't hold; nobody could ask for it anyway.
    if (name.length > NAME_MAX) return true;
    if (!this.#fits(name)) return false;
    const kind = kindOf(node);
    const digest = contentDigest(node);
    if (this.#isPlus) {
      const nodeid = this.#inodes.acquire(node, parent, name);
      const attributes = { kind, digest, size: nodeSize(node) };
      writeEntry(this.#reply, this.#at, nodeid, attributes, validSeconds);
    }
    this.#writeDirent(
      name,
      inodeNumberLow(kind, digest),
      inodeNumberHigh(digest),
      offset,
      modeOf(kind) >>> 12,
    );
    return true;
  }

  /** Gives back the references that {@link add} took: the reply never arrived. */
  takeBack(): void {
    if (!this.#isPlus) return;
    const { view } = this.#reply;
    for (let at = this.#start; at < this.#at;) {
      this.#inodes.forget(
        view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x100000000,
        1,
      );
      const nameLength = view.getUint32(at + LENGTH.ENTRY_OUT + 16, true);
      at += LENGTH.DIRENTPLUS + padded(nameLength);
    }
  }

  #fits(name: Uint8Array): boolean {
    const head = this.#isPlus ? LENGTH.DIRENTPLUS : LENGTH.DIRENT;
    return this.#at + head + padded(name.length) <= this.#end;
  }

  #writeDirent(
    name: Uint8Array,
    inoLow: number,
    inoHigh: number,
    offset: number,
    type: number,
  ): void {
    const { bytes, view } = this.#reply;
    const at = this.#at + (this.#isPlus ? LENGTH.ENTRY_OUT : 0);
    view.setUint32(at, inoLow, true);
    view.setUint32(at + 4, inoHigh, true);
    this.#reply.setUint64(at + 8, offset);
    view.setUint32(at + 16, name.length, true);
    view.setUint32(at + 20, type, true);
    bytes.set(name, at + LENGTH.DIRENT);
    const end = at + LENGTH.DIRENT + padded(name.length);
    bytes.fill(0, at + LENGTH.DIRENT + name.length, end);
    this.#at = end;
  }
}
