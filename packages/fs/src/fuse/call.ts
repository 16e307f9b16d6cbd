import { LENGTH } from './protocol.ts';
import type { ReplyBuffer } from './reply.ts';

/**
 * Takes a reply: a message, and data that belongs right behind it. Neither may be used after the call returns or
 * changed. Answers whether the kernel took it; false where it has given the request up meanwhile.
 */
export type Respond = (
  message: Uint8Array,
  data?: readonly Uint8Array[],
) => boolean;

/** Up to as much data is copied behind the message: cheaper than handing the transport several pieces. */
const COPIED_BYTES = 32 * 1024;

/**
 * One request and its answer, of which only the first counts. What comes from the request's bytes must be read
 * before the handler returns: the transport uses them again.
 */
export class Call {
  readonly opcode: number;
  readonly nodeid: number;
  /** Names the request among those under way. */
  readonly unique: number;
  readonly #request: DataView;
  readonly #reply: ReplyBuffer;
  readonly #respond: Respond;
  #isAnswered = false;

  /** @throws RangeError when the bytes are shorter than a request's header */
  constructor(request: Uint8Array, reply: ReplyBuffer, respond: Respond) {
    this.#request = new DataView(
      request.buffer,
      request.byteOffset,
      request.byteLength,
    );
    this.opcode = this.#request.getUint32(4, true);
    this.unique = this.#uint64(8);
    this.nodeid = this.#uint64(16);
    this.#request.getUint32(LENGTH.IN_HEADER - 4);
    this.#reply = reply;
    this.#respond = respond;
  }

  /** Whether nobody waits for an answer any more. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** 32 bits of the body. */
  uint32(at: number): number {
    return this.#request.getUint32(LENGTH.IN_HEADER + at, true);
  }

  /** 64 bits of the body, as a double: exact up to 2^53. */
  uint64(at: number): number {
    return this.#uint64(LENGTH.IN_HEADER + at);
  }

  /** The NUL-terminated name at that place of the body; a view. */
  name(at = 0): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.#request;
    const start = LENGTH.IN_HEADER + at;
    const rest = new Uint8Array(
      buffer,
      byteOffset + start,
      Math.max(0, byteLength - start),
    );
    const end = rest.indexOf(0);
    return end < 0 ? rest : rest.subarray(0, end);
  }

  /** Answers with a negative errno. */
  fail(errno: number): boolean {
    return this.#send(-errno, 0);
  }

  /** Answers with that many bytes that stand in the reply buffer behind its header, and with data behind those. */
  succeed(length = 0, data?: readonly Uint8Array[]): boolean {
    return this.#send(0, length, data);
  }

  /** Lets the request go without an answer. */
  drop(): void {
    this.#isAnswered = true;
  }

  #send(error: number, length: number, data?: readonly Uint8Array[]): boolean {
    if (this.#isAnswered) return false;
    this.#isAnswered = true;
    const { bytes, view } = this.#reply;
    const head = LENGTH.OUT_HEADER + length;
    let total = head;
    for (const part of data ?? []) total += part.length;
    view.setUint32(0, total, true);
    view.setInt32(4, error, true);
    this.#reply.setUint64(8, this.unique);
    if (data === undefined || total > head + COPIED_BYTES)
      return this.#respond(bytes.subarray(0, head), data);
    let at = head;
    for (const part of data) {
      bytes.set(part, at);
      at += part.length;
    }
    return this.#respond(bytes.subarray(0, total));
  }

  #uint64(at: number): number {
    return (
      this.#request.getUint32(at, true) +
      this.#request.getUint32(at + 4, true) * 0x100000000
    );
  }
}
