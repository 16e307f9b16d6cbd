import type { DeferredCalls } from '../deferred-calls.ts';
import type { ReplyBuffer } from '../fuse/reply.ts';
import type { InodeTable } from '../inode-table.ts';

/** What all operations share: what the kernel knows, what it waits for, and where its replies are put together. */
export interface KernelState {
  readonly inodes: InodeTable;
  readonly deferred: DeferredCalls;
  readonly reply: ReplyBuffer;
}
