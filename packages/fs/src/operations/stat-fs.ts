import type { Call } from '../fuse/call.ts';
import { LENGTH } from '../fuse/protocol.ts';
import type { ReplyBuffer } from '../fuse/reply.ts';

/** Answers STATFS: no capacity at all, so that `df` leaves it out; block size 512, names up to 255 bytes. */
export function answerStatFs(reply: ReplyBuffer, call: Call): void {
  const { view } = reply;
  reply.blank(LENGTH.KSTATFS);
  view.setUint32(LENGTH.OUT_HEADER + 40, 512, true);
  view.setUint32(LENGTH.OUT_HEADER + 44, 255, true);
  view.setUint32(LENGTH.OUT_HEADER + 48, 512, true);
  call.succeed(LENGTH.KSTATFS);
}
