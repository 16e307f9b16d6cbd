import type { Readable } from 'node:stream';
import { StoreError } from '../errors.ts';

/** What a body must keep to. */
export interface BodyLimits {
  /** Bytes in all. */
  readonly maxBytes: number;
  /** A body that we wait for must bring at least `minBytes` within each window of so many milliseconds. */
  readonly windowMs: number;
  readonly minBytes: number;
}

/**
 * The body of a request, as it comes in. Time in which nobody asked for more doesn't count against the sender.
 *
 * @throws StoreError `store/limit-exceeded`, `store/slow-sender`; the request's error where the client goes away
 */
export async function* requestBody(
  request: Readable,
  { maxBytes, windowMs, minBytes }: BodyLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  const pieces = request.iterator({ destroyOnReturn: false });
  let total = 0;
  let inWindow = 0;
  let waitedMs = 0;
  for (;;) {
    const start = performance.now();
    const next = await within(pieces.next(), windowMs - waitedMs);
    waitedMs += performance.now() - start;
    if (next.done === true) return;
    const piece = next.value as Buffer;
    total += piece.length;
    inWindow += piece.length;
    if (total > maxBytes) {
      throw new StoreError(
        'store/limit-exceeded',
        `the body is longer than ${maxBytes} bytes`,
        { details: { limit: maxBytes } },
      );
    }
    if (inWindow >= minBytes) {
      inWindow = 0;
      waitedMs = 0;
    }
    yield piece;
  }
}

async function within<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new StoreError('store/slow-sender', 'the body comes in too slowly'),
        ),
      Math.max(0, ms),
    );
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
