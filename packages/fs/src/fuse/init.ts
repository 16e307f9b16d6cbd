import type { Call } from './call.ts';
import {
  INIT_FLAG,
  INIT_FLAG2,
  LENGTH,
  MAJOR,
  MAX_PAGES,
  MAX_WRITE,
  MINOR,
} from './protocol.ts';
import type { ReplyBuffer } from './reply.ts';

/** What both sides agreed on at INIT. */
export interface Agreement {
  readonly minor: number;
  /** Whether OPEN may be answered with ENOSYS, which spares every further OPEN and RELEASE. */
  readonly noOpen: boolean;
  /** Whether the kernel reads files by itself that it was given for that. */
  readonly passthrough: boolean;
}

const WANTED =
  INIT_FLAG.ASYNC_READ |
  INIT_FLAG.DO_READDIRPLUS |
  INIT_FLAG.ASYNC_DIO |
  INIT_FLAG.NO_OPEN_SUPPORT |
  INIT_FLAG.PARALLEL_DIROPS |
  INIT_FLAG.MAX_PAGES |
  INIT_FLAG.CACHE_SYMLINKS |
  INIT_FLAG.EXPLICIT_INVAL_DATA;

/** Requests that the kernel sends without anybody waiting (readahead, direct I/O) before it holds back. */
const MAX_BACKGROUND = 64;
const CONGESTION_THRESHOLD = 48;

/** Reads INIT's offer, which is at least 16 bytes long, and decides: only what the kernel offers is taken. */
export function agree(call: Call, wantsPassthrough: boolean): Agreement {
  const offered = call.uint32(12);
  const isExtended = (offered & INIT_FLAG.INIT_EXT) !== 0;
  const offered2 = isExtended ? call.uint32(16) : 0;
  return {
    minor: Math.min(call.uint32(4), MINOR),
    noOpen: (offered & INIT_FLAG.NO_OPEN_SUPPORT) !== 0 && !wantsPassthrough,
    passthrough: wantsPassthrough && (offered2 & INIT_FLAG2.PASSTHROUGH) !== 0,
  };
}

/** Writes the reply to INIT, and answers with the length of its body. */
export function writeInit(
  reply: ReplyBuffer,
  call: Call,
  { minor, passthrough }: Agreement,
): number {
  const { view } = reply;
  const base = LENGTH.OUT_HEADER;
  const offered = call.uint32(12);
  reply.blank(LENGTH.INIT_OUT);
  view.setUint32(base, MAJOR, true);
  view.setUint32(base + 4, minor, true);
  view.setUint32(base + 8, call.uint32(8), true);
  const extended = passthrough ? INIT_FLAG.INIT_EXT : 0;
  view.setUint32(base + 12, (offered & (WANTED | extended)) >>> 0, true);
  view.setUint16(base + 16, MAX_BACKGROUND, true);
  view.setUint16(base + 18, CONGESTION_THRESHOLD, true);
  view.setUint32(base + 20, MAX_WRITE, true);
  view.setUint32(base + 24, 1, true);
  view.setUint16(base + 28, MAX_PAGES, true);
  if (passthrough) {
    view.setUint32(base + 32, INIT_FLAG2.PASSTHROUGH, true);
    // The file systems that copies may lie on can't be stacked ones themselves.
    view.setUint32(base + 36, 1, true);
  }
  return LENGTH.INIT_OUT;
}
