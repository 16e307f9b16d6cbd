import type { B3Digest } from '../digest/b3-digest.ts';
import type { PathComponent } from '../path/path-component.ts';
import type { SymlinkTarget } from './symlink-target.ts';

/** A directory, by digest. */
export interface DirectoryNode {
  readonly type: 'directory';
  /** The digest of the directory's canonical encoding. */
  readonly digest: B3Digest;
  /** The directory's `size`: how many elements it holds in all, below it included. Unsigned, 64 bits. */
  readonly size: bigint;
}

/** A regular file, by digest. */
export interface FileNode {
  readonly type: 'file';
  /** The digest of the contents. */
  readonly digest: B3Digest;
  /** The length of the contents in bytes. Unsigned, 64 bits. */
  readonly size: bigint;
  readonly executable: boolean;
}

/** A symbolic link. */
export interface SymlinkNode {
  readonly type: 'symlink';
  readonly target: SymlinkTarget;
}

/** One element of a tree, without its name. */
export type Node = DirectoryNode | FileNode | SymlinkNode;

/** A node under its name: what a directory consists of, and what a store's root is. */
export interface NamedNode {
  readonly name: PathComponent;
  readonly node: Node;
}

/** Whether two nodes stand for the same content. */
export function nodesEqual(a: Node, b: Node): boolean {
  switch (a.type) {
    case 'directory':
      return (
        b.type === 'directory' && a.size === b.size && a.digest.equals(b.digest)
      );
    case 'file':
      return (
        b.type === 'file' &&
        a.size === b.size &&
        a.executable === b.executable &&
        a.digest.equals(b.digest)
      );
    case 'symlink':
      return b.type === 'symlink' && Buffer.compare(a.target, b.target) === 0;
  }
}
