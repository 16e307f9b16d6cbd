import type { Node } from '@tvix/castore';
import { blocksOf, BLOCK_SIZE, modeOf } from '../attributes.ts';
import { ROOT_ID, S_IFDIR } from '../fuse/protocol.ts';
import {
  contentDigest,
  inodeNumber,
  kindOf,
  nodeSize,
} from '../inode-identity.ts';

/** What a place is: one of a tree's nodes, or the root, which is none. */
export type Place = Node | 'root';

/** Tells what something is, as `node:fs` does. */
export class FileType {
  readonly #type: Node['type'];

  constructor(place: Place) {
    this.#type = place === 'root' ? 'directory' : place.type;
  }

  isFile(): boolean {
    return this.#type === 'file';
  }

  isDirectory(): boolean {
    return this.#type === 'directory';
  }

  isSymbolicLink(): boolean {
    return this.#type === 'symlink';
  }

  isBlockDevice(): boolean {
    return false;
  }

  isCharacterDevice(): boolean {
    return false;
  }

  isFIFO(): boolean {
    return false;
  }

  isSocket(): boolean {
    return false;
  }
}

const EPOCH_MS = 0;

/** What `stat` says, with the same values as in a mount: shaped as `fs.Stats` of Node. */
export class Stats extends FileType {
  readonly dev = 0;
  readonly ino: number;
  readonly mode: number;
  readonly nlink = 1;
  readonly uid = 0;
  readonly gid = 0;
  readonly rdev = 0;
  /** Bytes of a file, exact up to 2^53; the length of a link's target; the elements below a directory. */
  readonly size: number;
  readonly blksize: number = BLOCK_SIZE;
  readonly blocks: number;
  readonly atimeMs: number = EPOCH_MS;
  readonly mtimeMs: number = EPOCH_MS;
  readonly ctimeMs: number = EPOCH_MS;
  readonly birthtimeMs: number = EPOCH_MS;
  readonly atime: Date = new Date(EPOCH_MS);
  readonly mtime: Date = new Date(EPOCH_MS);
  readonly ctime: Date = new Date(EPOCH_MS);
  readonly birthtime: Date = new Date(EPOCH_MS);

  constructor(place: Place) {
    super(place);
    if (place === 'root') {
      this.ino = ROOT_ID;
      this.mode = S_IFDIR | 0o555;
      this.size = 0;
      this.blocks = 0;
    } else {
      const kind = kindOf(place);
      const size = nodeSize(place);
      this.ino = inodeNumber(kind, contentDigest(place));
      this.mode = modeOf(kind);
      this.size = Number(size);
      this.blocks = Number(blocksOf(kind, size));
    }
  }
}

/** An entry of a directory: shaped as `fs.Dirent` of Node. */
export class Dirent<
  Name extends string | Uint8Array = string,
> extends FileType {
  readonly name: Name;
  /** The directory, as it was asked for. */
  readonly parentPath: string;

  constructor(name: Name, parentPath: string, node: Node) {
    super(node);
    this.name = name;
    this.parentPath = parentPath;
  }
}
