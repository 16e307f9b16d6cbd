import { writeSync, writevSync } from 'node:fs';
import { ERRNO } from '../errno.ts';
import { LENGTH } from './protocol.ts';

/** Called with each request; the bytes are used again after it returns. */
export type OnRequest = (request: Uint8Array) => void;

/** An open `/dev/fuse` with a mount behind it. */
export interface Device {
  /**
   * Takes requests until the mount is gone, which resolves. Each call of `onRequest` comes from the event loop.
   *
   * @param pending how many requests wait for something else than the kernel
   */
  serve(onRequest: OnRequest, pending: () => number): Promise<void>;

  /** Something was answered outside of `onRequest`: the next request is likely near. */
  answered(): void;

  /** Stops taking requests. The descriptor stays open. */
  stop(): void;
}

/**
 * Writes a reply; false where the kernel has given the request up. A reply that the kernel calls malformed is replaced
 * by an error, so that nobody waits for ever.
 */
export function writeReply(
  fd: number,
  message: Uint8Array,
  data: readonly Uint8Array[] = [],
): boolean {
  try {
    if (data.length === 0) writeSync(fd, message);
    else writevSync(fd, [message, ...data]);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') return false;
  }
  const apology = message.slice(0, LENGTH.OUT_HEADER);
  const view = new DataView(apology.buffer);
  view.setUint32(0, apology.length, true);
  view.setInt32(4, -ERRNO.EIO, true);
  try {
    writeSync(fd, apology);
  } catch {
    // The request is gone after all.
  }
  return false;
}
