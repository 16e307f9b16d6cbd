import { FOREVER_SECONDS } from '../attributes.ts';
import type { DirectoryCache } from '../directory-cache.ts';
import { ERRNO } from '../errno.ts';
import type { Call } from '../fuse/call.ts';
import { answerOpen } from '../fuse/open.ts';
import {
  FOPEN,
  LENGTH,
  MAX_REPLY_BYTES,
  padded,
  ROOT_ID,
} from '../fuse/protocol.ts';
import { HandleTable } from '../handle-table.ts';
import { FIRST_ENTRY, ListingWriter } from '../listing.ts';
import type { PackedDirectory } from '../packed-directory.ts';
import { RootListing } from '../root-listing.ts';
import type { RootNodes } from '../root-nodes.ts';
import { directoryDigest } from './inode-of-call.ts';
import type { KernelState } from './kernel-state.ts';

/** The root may be open so often at a time: each time may hold a pass over the store. */
const MAX_ROOT_LISTINGS = 1024;

/** How directories are listed. */
export interface DirectoryOptions {
  readonly rootNodes: RootNodes;
  readonly directories: DirectoryCache;
  /** Whether the root may be listed. */
  readonly listRoot: boolean;
  /** How long the kernel may go without asking for a name in the root again. */
  readonly rootTtlSeconds: number;
}

/** OPENDIR, READDIR, READDIRPLUS and RELEASEDIR. */
export class DirectoryOperations {
  readonly #kernel: KernelState;
  readonly #rootNodes: RootNodes;
  readonly #directories: DirectoryCache;
  readonly #listRoot: boolean;
  readonly #rootTtlSeconds: number;
  readonly #rootListings = new HandleTable<RootListing>();

  constructor(kernel: KernelState, options: DirectoryOptions) {
    this.#kernel = kernel;
    this.#rootNodes = options.rootNodes;
    this.#directories = options.directories;
    this.#listRoot = options.listRoot;
    this.#rootTtlSeconds = options.rootTtlSeconds;
  }

  open(call: Call): void {
    if (call.nodeid !== ROOT_ID) {
      if (directoryDigest(this.#kernel.inodes, call) === undefined) return;
      answerOpen(
        this.#kernel.reply,
        call,
        0,
        FOPEN.CACHE_DIR | FOPEN.KEEP_CACHE,
        0,
      );
      return;
    }
    if (this.#rootListings.size >= MAX_ROOT_LISTINGS)
      return void call.fail(ERRNO.ENFILE);
    const handle = this.#listRoot
      ? this.#rootListings.open(new RootListing(this.#rootNodes))
      : 0;
    if (!answerOpen(this.#kernel.reply, call, handle, 0, 0))
      this.#rootListings.release(handle);
  }

  release(call: Call): void {
    void this.#rootListings.release(call.uint64(0))?.close();
    call.succeed();
  }

  /** Ends all listings. */
  reset(): void {
    for (const listing of this.#rootListings.values()) void listing.close();
    this.#rootListings.clear();
  }

  read(call: Call, isPlus: boolean): void {
    const offset = call.uint64(8);
    const size = call.uint32(16);
    if (call.nodeid === ROOT_ID)
      return this.#readRoot(call, isPlus, offset, size);
    const digest = directoryDigest(this.#kernel.inodes, call);
    if (digest === undefined) return;
    const directory = this.#directories.peek(digest);
    if (directory !== undefined)
      return this.#answerListing(call, isPlus, offset, size, directory);
    this.#kernel.deferred.answerLater(
      call,
      (signal) => this.#directories.load(digest, signal),
      (loaded) => this.#answerListing(call, isPlus, offset, size, loaded),
    );
  }

  #answerListing(
    call: Call,
    isPlus: boolean,
    offset: number,
    size: number,
    directory: PackedDirectory,
  ): void {
    const listing = new ListingWriter(
      this.#kernel.reply,
      this.#kernel.inodes,
      isPlus,
      size,
    );
    if (listing.addDots(offset)) {
      for (
        let i = Math.max(0, offset - FIRST_ENTRY);
        i < directory.length;
        i++
      ) {
        const next = i + FIRST_ENTRY + 1;
        if (
          !listing.add(call.nodeid, directory.entry(i), next, FOREVER_SECONDS)
        )
          break;
      }
    }
    if (!call.succeed(listing.length)) listing.takeBack();
  }

  #readRoot(call: Call, isPlus: boolean, offset: number, size: number): void {
    if (!this.#listRoot) return void call.fail(ERRNO.EPERM);
    const entries = this.#rootListings.get(call.uint64(0));
    if (entries === undefined) return void call.fail(ERRNO.EBADF);
    const first = Math.max(0, offset - FIRST_ENTRY);
    const head = isPlus ? LENGTH.DIRENTPLUS : LENGTH.DIRENT;
    // Both dots fit in any buffer that the kernel has; counting them always keeps this simple.
    let room = Math.min(size, MAX_REPLY_BYTES) - FIRST_ENTRY * (head + 8);
    this.#kernel.deferred.answerLater(
      call,
      (signal) =>
        entries.read(
          first,
          ({ name }) => (room -= head + padded(name.length)) >= 0,
          signal,
        ),
      (taken) => {
        const listing = new ListingWriter(
          this.#kernel.reply,
          this.#kernel.inodes,
          isPlus,
          size,
        );
        listing.addDots(offset);
        taken.forEach((entry, i) => {
          const next = first + i + FIRST_ENTRY + 1;
          listing.add(ROOT_ID, entry, next, this.#rootTtlSeconds);
        });
        if (!call.succeed(listing.length)) listing.takeBack();
      },
    );
  }
}
