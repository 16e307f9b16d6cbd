import type { BlobRef } from './blob-cache.ts';

/** How an open file is read from then on. */
export interface OpenedFile {
  /** Named again at its release. */
  readonly handle: number;
  /** Bits of `open_flags`. */
  readonly flags: number;
  /** The kernel's name of the file that stands in for the blob; 0 where it asks us. */
  readonly backingId: number;
}

/** Decides at each OPEN whether the kernel may read a copy by itself instead of asking for every part. */
export interface FileOpener {
  /** Never throws for want of a copy: then the file is read through READ. */
  open(nodeid: number, blob: BlobRef): Promise<OpenedFile>;

  /** As often as `open` was answered. */
  release(nodeid: number, handle: number): void;

  /** The kernel at the other end is gone, and with it all that was open. */
  releaseAll(): void;
}
