import type { DirectoryLookup } from '@tvix/castore';
import { FOREVER_SECONDS } from './attributes.ts';
import { BlobCache } from './blob-cache.ts';
import type { BlobSource } from './blob-source.ts';
import { DeferredCalls } from './deferred-calls.ts';
import { DirectoryCache } from './directory-cache.ts';
import { ERRNO } from './errno.ts';
import type { FileOpener } from './file-opener.ts';
import { Call } from './fuse/call.ts';
import type { Respond } from './fuse/call.ts';
import { agree, writeInit } from './fuse/init.ts';
import type { Agreement } from './fuse/init.ts';
import { LENGTH, MAJOR, OLDEST_MINOR, OP } from './fuse/protocol.ts';
import { ReplyBuffer } from './fuse/reply.ts';
import { InodeTable } from './inode-table.ts';
import { DirectoryOperations } from './operations/directories.ts';
import { FileOperations } from './operations/files.ts';
import type { KernelState } from './operations/kernel-state.ts';
import { NodeOperations } from './operations/nodes.ts';
import { answerStatFs } from './operations/stat-fs.ts';
import { RequestFailures } from './request-failures.ts';
import type { RequestFailure } from './request-failures.ts';
import type { RootNodes } from './root-nodes.ts';
import type { Spill } from './spill.ts';

/** How a file system shows its nodes. */
export interface ViewOptions {
  /** Whether the root may be listed; names are found either way. Default: where the root nodes are `immutable`. */
  readonly listRoot?: boolean;
  /** Whether `user.tvix.castore.{blob,directory}.digest` can be read, which costs a request for each `ls -l`. */
  readonly xattrs?: boolean;
  /** How long the kernel may go without asking for a name in the root again. Default: 1 second. */
  readonly rootTtlSeconds?: number;
  /** Directories to keep, in bytes. Default: 64 MiB. */
  readonly directoryCacheBytes?: number;
  /** Contents of blobs to keep, in bytes: of those that the store can't read part by part. Default: 32 MiB. */
  readonly blobCacheBytes?: number;
}

/** What a file system shows, and how. */
export interface CastoreFsOptions extends ViewOptions {
  readonly rootNodes: RootNodes;
  readonly directories: DirectoryLookup;
  readonly blobs: BlobSource;
  /** Hands files to the kernel to read by itself. */
  readonly opener?: FileOpener;
  /** Where contents go that memory has no room for. */
  readonly spill?: Spill;
  /** Hears of requests that were answered with EIO, which doesn't say why: of 10 in 10 seconds at most. */
  readonly onRequestFailed?: (failure: RequestFailure) => void;
}

/** Directories that are kept if nobody says otherwise. */
export const DEFAULT_DIRECTORY_CACHE_BYTES: number = 64 * 1024 * 1024;
/** Contents that are kept if nobody says otherwise: what was read is in the kernel's page cache too. */
export const DEFAULT_BLOB_CACHE_BYTES: number = 32 * 1024 * 1024;

/** Operations that would change something. A kernel that mounted read-only doesn't even send them. */
const CHANGES: ReadonlySet<number> = new Set([
  OP.SETATTR,
  OP.SYMLINK,
  OP.MKNOD,
  OP.MKDIR,
  OP.UNLINK,
  OP.RMDIR,
  OP.RENAME,
  OP.LINK,
  OP.WRITE,
  OP.SETXATTR,
  OP.REMOVEXATTR,
  OP.CREATE,
  OP.FALLOCATE,
  OP.RENAME2,
  OP.COPY_FILE_RANGE,
  OP.TMPFILE,
]);

/**
 * A read-only file system of castore nodes, as the FUSE protocol sees it: takes the bytes of a request and answers with
 * those of a reply. Knows nothing of how they travel.
 *
 * What is at hand is answered before {@link CastoreFs.handle} returns; what has to be fetched is answered later, in
 * any order. Every request that wants an answer gets exactly one, whatever fails.
 */
export class CastoreFs {
  readonly #failures: RequestFailures;
  readonly #kernel: KernelState;
  readonly #nodes: NodeOperations;
  readonly #directories: DirectoryOperations;
  readonly #files: FileOperations;
  readonly #wantsPassthrough: boolean;
  #agreement: Agreement = { minor: 0, noOpen: false, passthrough: false };

  constructor(options: CastoreFsOptions) {
    const { rootNodes, opener } = options;
    this.#failures = new RequestFailures(options.onRequestFailed);
    this.#kernel = {
      inodes: new InodeTable(),
      deferred: new DeferredCalls(this.#failures),
      reply: new ReplyBuffer(),
    };
    const directories = new DirectoryCache(
      options.directories,
      options.directoryCacheBytes ?? DEFAULT_DIRECTORY_CACHE_BYTES,
    );
    const blobs = new BlobCache(
      options.blobs,
      options.blobCacheBytes ?? DEFAULT_BLOB_CACHE_BYTES,
      options.spill,
    );
    const rootTtlSeconds =
      rootNodes.immutable === true
        ? FOREVER_SECONDS
        : (options.rootTtlSeconds ?? 1);
    const shared = { rootNodes, directories, rootTtlSeconds };
    this.#nodes = new NodeOperations(this.#kernel, {
      ...shared,
      xattrs: options.xattrs ?? false,
    });
    this.#directories = new DirectoryOperations(this.#kernel, {
      ...shared,
      listRoot: options.listRoot ?? rootNodes.immutable === true,
    });
    this.#files = new FileOperations(this.#kernel, blobs, opener);
    this.#wantsPassthrough = opener !== undefined;
  }

  /** How many answers are still to come. */
  get pending(): number {
    return this.#kernel.deferred.size;
  }

  /** How many inodes the kernel knows, the root aside. */
  get inodes(): number {
    return this.#kernel.inodes.size;
  }

  /** What the inodes take, in bytes. */
  get inodeBytes(): number {
    return this.#kernel.inodes.bytes;
  }

  /**
   * Takes one request. `respond` is called with the reply: once, now or later, or never for requests that have none.
   * The request's bytes aren't kept. Bytes too short for a request's header are ignored: nobody can be answered.
   */
  handle(request: Uint8Array, respond: Respond): void {
    if (request.length < LENGTH.IN_HEADER) return;
    const call = new Call(request, this.#kernel.reply, respond);
    try {
      this.#dispatch(call);
    } catch (error) {
      this.#failures.answer(call, error);
    }
  }

  #dispatch(call: Call): void {
    switch (call.opcode) {
      case OP.LOOKUP:
        return this.#nodes.lookup(call);
      case OP.GETATTR:
        return this.#nodes.getAttributes(call);
      case OP.READLINK:
        return this.#nodes.readLink(call);
      case OP.GETXATTR:
      case OP.LISTXATTR:
        return this.#nodes.getXattr(call);
      case OP.READ:
        return this.#files.read(call);
      case OP.OPEN:
        return this.#files.open(call, this.#agreement);
      case OP.RELEASE:
        return this.#files.release(call);
      case OP.READDIR:
        return this.#directories.read(call, false);
      case OP.READDIRPLUS:
        return this.#directories.read(call, true);
      case OP.OPENDIR:
        return this.#directories.open(call);
      case OP.RELEASEDIR:
        return this.#directories.release(call);
      case OP.FORGET:
        call.drop();
        return this.#kernel.inodes.forget(call.nodeid, call.uint64(0));
      case OP.BATCH_FORGET:
        return this.#forgetMany(call);
      case OP.INTERRUPT:
        call.drop();
        return this.#kernel.deferred.interrupt(call.uint64(0));
      case OP.NOTIFY_REPLY:
        return call.drop();
      case OP.STATFS:
        return answerStatFs(this.#kernel.reply, call);
      case OP.INIT:
        return this.#init(call);
      case OP.DESTROY:
        this.reset();
        call.succeed();
        return;
      default:
        call.fail(CHANGES.has(call.opcode) ? ERRNO.EROFS : ERRNO.ENOSYS);
    }
  }

  #init(call: Call): void {
    const major = call.uint32(0);
    this.reset();
    if (major < MAJOR || (major === MAJOR && call.uint32(4) < OLDEST_MINOR)) {
      call.fail(ERRNO.EPROTO);
      return;
    }
    this.#agreement = agree(call, this.#wantsPassthrough);
    call.succeed(writeInit(this.#kernel.reply, call, this.#agreement));
  }

  #forgetMany(call: Call): void {
    call.drop();
    const count = call.uint32(0);
    for (let i = 0; i < count; i++) {
      const at = 8 + i * 16;
      this.#kernel.inodes.forget(call.uint64(at), call.uint64(at + 8));
    }
  }

  /** Forgets whoever was at the other end: no answer is given any more, and caches alone stay. */
  reset(): void {
    this.#kernel.deferred.dropAll();
    this.#directories.reset();
    this.#files.reset();
    this.#kernel.inodes.clear();
  }
}
