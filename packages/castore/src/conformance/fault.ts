import type { CallOptions } from '../blob-service/blob-service.ts';

/** Decides what becomes of a call: returns to let it through, rejects to fail it, doesn't settle to stall it. */
export type Fault<Call extends string> = (
  call: Call,
  options: CallOptions | undefined,
) => Promise<void> | void;
