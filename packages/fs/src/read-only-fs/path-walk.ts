import { isPathComponent } from '@tvix/castore';
import type { Node, PathComponent } from '@tvix/castore';
import type { DirectoryCache } from '../directory-cache.ts';
import { FsError } from '../errors.ts';
import type { RootNodes } from '../root-nodes.ts';
import type { Place } from './stats.ts';

/** As many links as the kernel follows on one way. */
const MOST_LINKS = 40;

const SLASH = 0x2f;
const DOT = 0x2e;

/** A place, and the names that lead to it from the root without any link. */
export interface Found {
  readonly place: Place;
  readonly names: readonly PathComponent[];
}

/** Finds places by path, following links as the kernel does; none leads out of the tree. */
export class PathWalk {
  readonly #rootNodes: RootNodes;
  readonly #directories: DirectoryCache;
  readonly #prefix: readonly Uint8Array[];

  /** @param mountPoint where absolute paths see the root */
  constructor(
    rootNodes: RootNodes,
    directories: DirectoryCache,
    mountPoint: string,
  ) {
    this.#rootNodes = rootNodes;
    this.#directories = directories;
    this.#prefix = split(Buffer.from(mountPoint)).filter(
      ({ length }) => length > 0,
    );
  }

  /**
   * Where a path leads to; relative ones start at the root.
   *
   * @param follow whether a link at the very end is followed
   * @throws FsError `ENOENT`, `ENOTDIR`, `ELOOP`, `EIO`; the signal's reason
   */
  async find(
    path: Uint8Array,
    follow: boolean,
    signal?: AbortSignal,
  ): Promise<Found> {
    const names: PathComponent[] = [];
    const places: Place[] = ['root'];
    const todo = this.#fromRoot(path);
    // A slash at the end asks for a directory, and so for where a link leads to.
    const wantsDirectory = path.at(-1) === SLASH;
    let links = 0;
    while (todo.length > 0) {
      const name = todo.shift()!;
      const here = places.at(-1)!;
      if (name.length === 0) continue;
      if (here !== 'root' && here.type !== 'directory')
        throw new FsError('ENOTDIR', 'not a directory');
      if (name[0] === DOT && name.length === 1) continue;
      if (name[0] === DOT && name[1] === DOT && name.length === 2) {
        names.pop();
        if (places.length > 1) places.pop();
        continue;
      }
      const node = await this.#child(here, name, signal);
      if (node === undefined)
        throw new FsError('ENOENT', 'no such file or directory');
      if (node.type === 'symlink' && (follow || todo.length > 0)) {
        if (++links > MOST_LINKS)
          throw new FsError('ELOOP', 'too many symbolic links');
        if (node.target[0] === SLASH) {
          names.length = 0;
          places.length = 1;
          todo.unshift(...this.#fromRoot(node.target));
        } else {
          todo.unshift(...split(node.target));
        }
        continue;
      }
      names.push(name as PathComponent);
      places.push(node);
    }
    const place = places.at(-1)!;
    if (wantsDirectory && place !== 'root' && place.type !== 'directory')
      throw new FsError('ENOTDIR', 'not a directory');
    return { place, names };
  }

  async #child(
    place: Place,
    name: Uint8Array,
    signal?: AbortSignal,
  ): Promise<Node | undefined> {
    if (!isPathComponent(name)) return undefined;
    if (place === 'root')
      return this.#rootNodes.get(name, signal === undefined ? {} : { signal });
    if (place.type !== 'directory') return undefined;
    const directory = await this.#directories.load(place.digest, signal);
    return directory.get(name);
  }

  /** The names of a path from the root on. An absolute one has to pass by the mount point. */
  #fromRoot(path: Uint8Array): Uint8Array[] {
    const names = split(path);
    if (path[0] !== SLASH) return names;
    const real = names.filter((name) => name.length > 0);
    const isInside = this.#prefix.every(
      (name, i) => real[i] !== undefined && Buffer.compare(real[i], name) === 0,
    );
    if (!isInside)
      throw new FsError('ENOENT', 'the path leads out of the tree');
    return real.slice(this.#prefix.length);
  }
}

/** The names between slashes; a slash at the end leaves an empty one. */
function split(path: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (let start = 0; start <= path.length;) {
    let end = path.indexOf(SLASH, start);
    if (end < 0) end = path.length;
    names.push(path.subarray(start, end));
    start = end + 1;
  }
  return names;
}
