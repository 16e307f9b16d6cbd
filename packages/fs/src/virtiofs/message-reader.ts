import { closeSync } from 'node:fs';
import {
  badFrontEnd,
  HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_REGIONS,
  parseHeader,
} from './vhost-user.ts';
import type { Message } from './vhost-user.ts';
import type { VirtiofsLibc } from './libc.ts';

const EINTR = 4;
const EAGAIN = 11;

/**
 * Cuts what comes from a socket into messages. Never reads across the end of a message, so that descriptors, which
 * arrive with the first byte of theirs, belong to the one that is being read.
 */
export class MessageReader {
  readonly #fd: number;
  readonly #libc: Pick<VirtiofsLibc, 'receive'>;
  readonly #bytes = new Uint8Array(HEADER_BYTES + MAX_PAYLOAD_BYTES);
  #length = 0;
  #descriptors: number[] = [];

  constructor(fd: number, libc: Pick<VirtiofsLibc, 'receive'>) {
    this.#fd = fd;
    this.#libc = libc;
  }

  /**
   * The next message; `undefined` until all of it is there, `'end'` when the other side has gone.
   *
   * @throws FsError `fs/bad-front-end`
   */
  next(): Message | undefined | 'end' {
    for (;;) {
      const wanted = this.#wanted();
      if (wanted === 0) return this.#take();
      const to = this.#bytes.subarray(this.#length, this.#length + wanted);
      const received = this.#libc.receive(this.#fd, to, MAX_REGIONS);
      if (received === -EINTR) continue;
      if (received === -EAGAIN) return undefined;
      if (typeof received === 'number' || received.length === 0) return 'end';
      this.#descriptors.push(...received.descriptors);
      if (received.isCut || this.#descriptors.length > MAX_REGIONS)
        throw badFrontEnd('too many descriptors');
      this.#length += received.length;
    }
  }

  /** Closes descriptors of a message that never became whole. */
  close(): void {
    for (const fd of this.#descriptors) closeSync(fd);
    this.#descriptors = [];
  }

  #wanted(): number {
    if (this.#length < HEADER_BYTES) return HEADER_BYTES - this.#length;
    return HEADER_BYTES + parseHeader(this.#bytes).payloadBytes - this.#length;
  }

  #take(): Message {
    const { request, needsReply, payloadBytes } = parseHeader(this.#bytes);
    const payload = this.#bytes.slice(HEADER_BYTES, this.#length);
    const descriptors = this.#descriptors;
    this.#length = 0;
    this.#descriptors = [];
    return {
      request,
      needsReply,
      payload: new DataView(payload.buffer, 0, payloadBytes),
      descriptors,
    };
  }
}
