import type { BlobCache } from '../blob-cache.ts';
import { ERRNO } from '../errno.ts';
import type { FileOpener } from '../file-opener.ts';
import { answerOpen } from '../fuse/open.ts';
import type { Call } from '../fuse/call.ts';
import type { Agreement } from '../fuse/init.ts';
import { FOPEN, LENGTH, MAX_REPLY_BYTES } from '../fuse/protocol.ts';
import { fileBlob } from './inode-of-call.ts';
import type { KernelState } from './kernel-state.ts';

const O_ACCMODE = 0o3;
const O_TRUNC = 0o1000;

/** OPEN, READ and RELEASE of files. */
export class FileOperations {
  readonly #kernel: KernelState;
  readonly #blobs: BlobCache;
  readonly #opener: FileOpener | undefined;

  constructor(kernel: KernelState, blobs: BlobCache, opener?: FileOpener) {
    this.#kernel = kernel;
    this.#blobs = blobs;
    this.#opener = opener;
  }

  open(call: Call, agreement: Agreement): void {
    const blob = fileBlob(this.#kernel.inodes, call);
    if (blob === undefined) return;
    if ((call.uint32(0) & (O_ACCMODE | O_TRUNC)) !== 0)
      return void call.fail(ERRNO.EROFS);
    const opener = agreement.passthrough ? this.#opener : undefined;
    if (opener === undefined) {
      if (agreement.noOpen) call.fail(ERRNO.ENOSYS);
      else
        answerOpen(
          this.#kernel.reply,
          call,
          0,
          FOPEN.KEEP_CACHE | FOPEN.NOFLUSH,
          0,
        );
      return;
    }
    this.#kernel.deferred.answerLater(
      call,
      async () => {
        const { handle, flags, backingId } = await opener.open(
          call.nodeid,
          blob,
        );
        // Nobody may wait any more: the kernel releases only what it knows to be open.
        if (!answerOpen(this.#kernel.reply, call, handle, flags, backingId))
          opener.release(call.nodeid, handle);
      },
      () => undefined,
    );
  }

  read(call: Call): void {
    const blob = fileBlob(this.#kernel.inodes, call);
    if (blob === undefined) return;
    const offset = call.uint64(8);
    const length = Math.min(
      call.uint32(16),
      MAX_REPLY_BYTES,
      blob.size - offset,
    );
    if (length <= 0) return void call.succeed();
    const parts = this.#blobs.peek(blob, offset, length);
    if (parts !== undefined) return void call.succeed(0, parts);
    const { bytes } = this.#kernel.reply;
    const body = bytes.subarray(LENGTH.OUT_HEADER, LENGTH.OUT_HEADER + length);
    if (this.#blobs.fill(blob, offset, body)) return void call.succeed(length);
    this.#kernel.deferred.answerLater(
      call,
      (signal) => this.#blobs.load(blob, offset, length, signal),
      (loaded) => call.succeed(0, loaded),
    );
  }

  /** Releases everything. */
  reset(): void {
    this.#opener?.releaseAll();
  }

  release(call: Call): void {
    this.#opener?.release(call.nodeid, call.uint64(0));
    call.succeed();
  }
}
