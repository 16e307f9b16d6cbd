import { tmpdir } from 'node:os';
import { BlobCache } from '../blob-cache.ts';
import type { BlobRef } from '../blob-cache.ts';
import type { BlobSource } from '../blob-source.ts';
import type { FileOpener, OpenedFile } from '../file-opener.ts';
import type { Libc } from './libc.ts';
import { FOPEN } from './protocol.ts';
import { WholeFileCache } from './whole-file-cache.ts';

/** How copies for the kernel are kept. Plain data. */
export interface PassthroughOptions {
  /** Where copies lie: not on a stacked file system such as overlayfs, nor under the mount. Default: `os.tmpdir()`. */
  readonly directory?: string;
  /** Disk space for copies, in bytes. Default: 4 GiB. */
  readonly cacheBytes?: number;
  /** Smaller files are read through requests, in bytes. Default: 1 MiB. */
  readonly minBytes?: number;
}

const FUSE_DEV_IOC_BACKING_OPEN = 0x4010e501;
const FUSE_DEV_IOC_BACKING_CLOSE = 0x4004e502;

/** What goes through the blob cache on its way into a copy. */
const COPY_CACHE_BYTES = 8 * 1024 * 1024;

const THROUGH_REQUESTS: OpenedFile = {
  handle: 0,
  flags: FOPEN.KEEP_CACHE | FOPEN.NOFLUSH,
  backingId: 0,
};

/** A file that is open at least once: the kernel wants the same answer to each OPEN until the last is released. */
interface OpenInode {
  readonly opened: Promise<OpenedFile>;
  count: number;
}

/**
 * Lets the kernel read large blobs by itself, from whole copies: at the speed of the file system that they lie on, and
 * once in memory instead of twice. Needs root and Linux 6.9; where the kernel refuses, everything is read as ever.
 */
export class Passthrough implements FileOpener {
  readonly #fd: number;
  readonly #libc: Libc;
  readonly #copies: WholeFileCache;
  readonly #minBytes: number;
  readonly #inodes = new Map<number, OpenInode>();
  #isRefused = false;

  constructor(
    fd: number,
    libc: Libc,
    blobs: BlobSource,
    options: PassthroughOptions,
  ) {
    this.#fd = fd;
    this.#libc = libc;
    this.#minBytes = options.minBytes ?? 1024 ** 2;
    this.#copies = new WholeFileCache(
      options.directory ?? tmpdir(),
      options.cacheBytes ?? 4 * 1024 ** 3,
      new BlobCache(blobs, COPY_CACHE_BYTES),
    );
  }

  async open(nodeid: number, blob: BlobRef): Promise<OpenedFile> {
    let inode = this.#inodes.get(nodeid);
    if (inode === undefined) {
      inode = { opened: this.#decide(blob), count: 0 };
      this.#inodes.set(nodeid, inode);
    }
    inode.count++;
    return inode.opened;
  }

  release(nodeid: number, _handle: number): void {
    const inode = this.#inodes.get(nodeid);
    if (inode === undefined || --inode.count > 0) return;
    this.#inodes.delete(nodeid);
    void inode.opened.then(({ backingId }) => this.#forget(backingId));
  }

  releaseAll(): void {
    for (const { opened } of this.#inodes.values())
      void opened.then(({ backingId }) => this.#forget(backingId));
    this.#inodes.clear();
  }

  /** Gives up all copies. */
  close(): void {
    this.#copies.close();
  }

  async #decide(blob: BlobRef): Promise<OpenedFile> {
    if (
      this.#isRefused ||
      blob.size < this.#minBytes ||
      !this.#copies.takes(blob.size)
    )
      return THROUGH_REQUESTS;
    try {
      const file = await this.#copies.descriptor(blob);
      const backingId = this.#register(file);
      return { handle: 0, flags: FOPEN.PASSTHROUGH, backingId };
    } catch {
      // No space, no blob, or no permission: a read will tell if there is more to it.
      return THROUGH_REQUESTS;
    }
  }

  #register(file: number): number {
    const map = new Uint8Array(16);
    new DataView(map.buffer).setInt32(0, file, true);
    const id = this.#libc.ioctl(this.#fd, FUSE_DEV_IOC_BACKING_OPEN, map);
    if (id > 0) return id;
    // The kernel is too old, we aren't root, or the directory is on a stacked file system: it will always be so.
    this.#isRefused = true;
    throw new Error(`the kernel refused a file with errno ${-id}`);
  }

  #forget(backingId: number): void {
    if (backingId === 0) return;
    const id = new Uint8Array(4);
    new DataView(id.buffer).setInt32(0, backingId, true);
    this.#libc.ioctl(this.#fd, FUSE_DEV_IOC_BACKING_CLOSE, id);
  }
}
