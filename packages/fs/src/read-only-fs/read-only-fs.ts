import type { CallOptions, DirectoryLookup, NamedNode } from '@tvix/castore';
import { BlobCache } from '../blob-cache.ts';
import { ServiceBlobSource } from '../blob-source.ts';
import type { ReadableBlobs } from '../blob-source.ts';
import {
  DEFAULT_BLOB_CACHE_BYTES,
  DEFAULT_DIRECTORY_CACHE_BYTES,
} from '../castore-fs.ts';
import { DirectoryCache } from '../directory-cache.ts';
import { ERRNO } from '../errno.ts';
import { FsError } from '../errors.ts';
import type { PosixErrorCode } from '../errors.ts';
import type { RootNodes } from '../root-nodes.ts';
import { OpenFile } from './open-file.ts';
import type { ReadRange } from './open-file.ts';
import { PathWalk } from './path-walk.ts';
import type { Found } from './path-walk.ts';
import { Dirent, Stats } from './stats.ts';

/** A path: names between slashes, as text (UTF-8) or bytes. Relative ones start at the root. */
export type PathLike = string | Uint8Array;

/** What a view shows, and how. */
export interface ReadOnlyFsOptions {
  readonly rootNodes: RootNodes;
  readonly directories: DirectoryLookup;
  readonly blobs: ReadableBlobs;
  /** Whether the root may be listed. Default: where the root nodes are `immutable`. */
  readonly listRoot?: boolean;
  /**
   * Where absolute paths and links see the root, such as `/nix/store`; what is outside doesn't exist. Default: `/`.
   */
  readonly mountPoint?: string;
  /** Directories to keep, in bytes. Default: 64 MiB. */
  readonly directoryCacheBytes?: number;
  /** Contents of blobs to keep, in bytes: of those that the store can't read part by part. Default: 32 MiB. */
  readonly blobCacheBytes?: number;
}

const W_OK = 2;
const X_OK = 1;

/**
 * Castore nodes as a read-only file system inside this process, without kernel or mount. Methods are named, and behave,
 * as those of `node:fs/promises`; errors carry its codes (`ENOENT`, `ENOTDIR`, `EISDIR`, `EINVAL`, `ELOOP`, `EROFS`,
 * `EPERM`, and `EIO` with a cause for what the store fails with).
 *
 * All methods may be called concurrently.
 */
export class ReadOnlyFs implements AsyncDisposable {
  readonly #rootNodes: RootNodes;
  readonly #directories: DirectoryCache;
  readonly #source: ServiceBlobSource;
  readonly #blobs: BlobCache;
  readonly #walk: PathWalk;
  readonly #listRoot: boolean;
  readonly #mountPoint: string;

  constructor(options: ReadOnlyFsOptions) {
    this.#rootNodes = options.rootNodes;
    this.#directories = new DirectoryCache(
      options.directories,
      options.directoryCacheBytes ?? DEFAULT_DIRECTORY_CACHE_BYTES,
    );
    this.#source = new ServiceBlobSource(options.blobs);
    this.#blobs = new BlobCache(
      this.#source,
      options.blobCacheBytes ?? DEFAULT_BLOB_CACHE_BYTES,
    );
    this.#mountPoint = (options.mountPoint ?? '/').replace(/\/+$/, '');
    this.#walk = new PathWalk(
      options.rootNodes,
      this.#directories,
      this.#mountPoint,
    );
    this.#listRoot = options.listRoot ?? options.rootNodes.immutable === true;
  }

  /** The contents of a file, as text where an encoding is given. */
  readFile(
    path: PathLike,
    options?: CallOptions & { encoding?: null },
  ): Promise<Uint8Array>;
  readFile(
    path: PathLike,
    options: BufferEncoding | (CallOptions & { encoding: BufferEncoding }),
  ): Promise<string>;
  async readFile(
    path: PathLike,
    options:
      | BufferEncoding
      | (CallOptions & { encoding?: BufferEncoding | null }) = {},
  ): Promise<Uint8Array | string> {
    const { encoding, signal } =
      typeof options === 'string'
        ? { encoding: options, signal: undefined }
        : options;
    const file = await this.open(path, 'r', signal && { signal });
    const contents = await told('read', path, () => file.readFile());
    return encoding == null
      ? contents
      : Buffer.from(contents.buffer).toString(encoding);
  }

  /** The names in a directory, in bytewise order (the root's as its nodes come). */
  readdir(
    path: PathLike,
    options?: { withFileTypes?: false; encoding?: BufferEncoding },
  ): Promise<string[]>;
  readdir(
    path: PathLike,
    options: { withFileTypes?: false; encoding: 'buffer' },
  ): Promise<Uint8Array[]>;
  readdir(
    path: PathLike,
    options: { withFileTypes: true; encoding?: BufferEncoding },
  ): Promise<Dirent[]>;
  readdir(
    path: PathLike,
    options: { withFileTypes: true; encoding: 'buffer' },
  ): Promise<Dirent<Uint8Array>[]>;
  async readdir(
    path: PathLike,
    options: {
      withFileTypes?: boolean;
      encoding?: BufferEncoding | 'buffer';
    } = {},
  ): Promise<(string | Uint8Array | Dirent | Dirent<Uint8Array>)[]> {
    const entries = await told('scandir', path, () => this.#list(path));
    const { withFileTypes = false, encoding = 'utf8' } = options;
    const parent = textOf(path);
    return entries.map(({ name, node }) => {
      if (encoding === 'buffer') {
        const copy = new Uint8Array(name);
        return withFileTypes
          ? new Dirent<Uint8Array>(copy, parent, node)
          : copy;
      }
      const text = Buffer.from(name).toString(encoding);
      return withFileTypes ? new Dirent(text, parent, node) : text;
    });
  }

  /** What a path leads to, following links. */
  stat(path: PathLike): Promise<Stats> {
    return told(
      'stat',
      path,
      async () => new Stats((await this.#find(path, true)).place),
    );
  }

  /** What stands at a path, links not followed at its end. */
  lstat(path: PathLike): Promise<Stats> {
    return told(
      'lstat',
      path,
      async () => new Stats((await this.#find(path, false)).place),
    );
  }

  /** Where a link points, as it is written. */
  readlink(path: PathLike, encoding?: BufferEncoding): Promise<string>;
  readlink(path: PathLike, encoding: 'buffer'): Promise<Uint8Array>;
  readlink(
    path: PathLike,
    encoding: BufferEncoding | 'buffer' = 'utf8',
  ): Promise<string | Uint8Array> {
    return told('readlink', path, async () => {
      const { place } = await this.#find(path, false);
      if (place === 'root' || place.type !== 'symlink')
        throw new FsError('EINVAL', 'not a symbolic link');
      const target = Buffer.from(place.target);
      return encoding === 'buffer'
        ? new Uint8Array(target)
        : target.toString(encoding);
    });
  }

  /** The absolute path that leads to the same place without any link. */
  realpath(path: PathLike): Promise<string> {
    return told('realpath', path, async () => {
      const { names } = await this.#find(path, true);
      const inside = names
        .map((name) => Buffer.from(name).toString())
        .join('/');
      return `${this.#mountPoint}/${inside}`.replace(/(.)\/$/, '$1');
    });
  }

  /** Resolves where the path leads somewhere and `mode` allows it: `fs.constants.F_OK`, `R_OK`, `X_OK`; never `W_OK`. */
  access(path: PathLike, mode = 0): Promise<void> {
    return told('access', path, async () => {
      const { place } = await this.#find(path, true);
      if ((mode & W_OK) !== 0)
        throw new FsError('EROFS', 'read-only file system');
      const isPlainFile =
        place !== 'root' && place.type === 'file' && !place.executable;
      if ((mode & X_OK) !== 0 && isPlainFile)
        throw new FsError('EACCES', 'permission denied');
    });
  }

  /** Opens a file for reading. */
  open(
    path: PathLike,
    flags: string | number = 'r',
    options?: CallOptions,
  ): Promise<OpenFile> {
    return told('open', path, async () => {
      if (flags !== 'r' && flags !== 0)
        throw new FsError('EROFS', 'read-only file system');
      const { place } = await this.#find(path, true, options?.signal);
      if (place === 'root' || place.type === 'directory')
        throw new FsError('EISDIR', 'illegal operation on a directory');
      // Links were followed: only files are left.
      if (place.type === 'symlink')
        throw new FsError('ELOOP', 'too many symbolic links');
      return new OpenFile(place, this.#blobs);
    });
  }

  /** The contents of a file, or a part of them, piece by piece. */
  async *createReadStream(
    path: PathLike,
    range: ReadRange = {},
  ): AsyncGenerator<Uint8Array> {
    const file = await this.open(
      path,
      'r',
      range.signal && { signal: range.signal },
    );
    yield* file.stream(range);
  }

  /** Frees what reading holds of the store; the services stay open. */
  async close(): Promise<void> {
    await this.#source.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #find(path: PathLike, follow: boolean, signal?: AbortSignal): Promise<Found> {
    const bytes = typeof path === 'string' ? Buffer.from(path) : path;
    if (bytes.length === 0 || bytes.includes(0))
      throw new FsError('ENOENT', 'no such file or directory');
    return this.#walk.find(bytes, follow, signal);
  }

  async #list(path: PathLike): Promise<readonly NamedNode[]> {
    const { place } = await this.#find(path, true);
    if (place === 'root') {
      if (!this.#listRoot)
        throw new FsError('EPERM', 'operation not permitted');
      const entries: NamedNode[] = [];
      for await (const entry of this.#rootNodes.list()) entries.push(entry);
      return entries;
    }
    if (place.type !== 'directory')
      throw new FsError('ENOTDIR', 'not a directory');
    return [...(await this.#directories.load(place.digest)).entries()];
  }
}

/** Runs an operation; what it fails with is told as `node:fs` tells it: `CODE: message, syscall 'path'`. */
async function told<T>(
  syscall: string,
  path: PathLike,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if ((error as { name?: unknown }).name === 'AbortError') throw error;
    const isPosix =
      error instanceof FsError && (error as FsError).code in ERRNO;
    const code = isPosix ? ((error as FsError).code as PosixErrorCode) : 'EIO';
    const text = textOf(path);
    const { message } = error as { message?: unknown };
    throw new FsError(
      code,
      `${code}: ${String(message)}, ${syscall} '${text}'`,
      {
        cause: error,
        syscall,
        path: text,
      },
    );
  }
}

function textOf(path: PathLike): string {
  return typeof path === 'string' ? path : Buffer.from(path).toString();
}
