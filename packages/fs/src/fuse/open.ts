import type { Call } from './call.ts';
import { LENGTH } from './protocol.ts';
import type { ReplyBuffer } from './reply.ts';

/** Answers OPEN or OPENDIR; false when nobody took the answer, so that there is nothing to release later. */
export function answerOpen(
  reply: ReplyBuffer,
  call: Call,
  handle: number,
  flags: number,
  backingId: number,
): boolean {
  const { view } = reply;
  reply.setUint64(LENGTH.OUT_HEADER, handle);
  view.setUint32(LENGTH.OUT_HEADER + 8, flags, true);
  view.setInt32(LENGTH.OUT_HEADER + 12, backingId, true);
  return call.succeed(LENGTH.OPEN_OUT);
}
