import type { Fault } from './fault.ts';
import type { BlobCall } from './faulty-blob-service.ts';
import type { DirectoryCall } from './faulty-directory-service.ts';

/** Fails the nth call of a kind, counted from 1, and all after it; others go through. */
export function failAt(
  call: BlobCall | DirectoryCall,
  error: unknown,
  nth = 1,
): Fault<string> {
  let count = 0;
  return (current) => {
    if (current === call && ++count >= nth) throw error;
  };
}

/** A fault that stalls. */
export interface Stall {
  readonly fault: Fault<string>;
  /** Resolves when a call has begun to stall. */
  readonly isStalled: Promise<void>;
  /** Lets the stalled calls go on. */
  readonly release: () => void;
}

/**
 * Stalls the nth call of a kind, counted from 1, and all after it, until they are released or, with the reason of its
 * signal, aborted.
 */
export function stallAt(call: BlobCall | DirectoryCall, nth = 1): Stall {
  let count = 0;
  let stalled = (): void => {};
  let release = (): void => {};
  const isStalled = new Promise<void>((resolve) => (stalled = resolve));
  const released = new Promise<void>((resolve) => (release = resolve));
  const fault: Fault<string> = (current, options) => {
    if (current !== call || ++count < nth) return;
    stalled();
    return new Promise((resolve, reject) => {
      const signal = options?.signal;
      const abort = (): void => reject(signal!.reason as Error);
      if (signal?.aborted === true) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      void released.then(resolve);
    });
  };
  return { fault, isStalled, release: () => release() };
}
