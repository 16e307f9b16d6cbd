import { ERRNO, errnoOf } from './errno.ts';
import type { Call } from './fuse/call.ts';
import { OP } from './fuse/protocol.ts';

/** A request that was answered with EIO, which doesn't say why: the store failed, lacks something, or lies. */
export interface RequestFailure {
  /** What was asked for, as the protocol names it: `READ`, `LOOKUP`. */
  readonly operation: string;
  readonly error: unknown;
  /** How many such failures weren't told since the last one that was: at most 10 are in 10 seconds. */
  readonly omitted: number;
}

const WINDOW_MS = 10_000;
const MAX_IN_WINDOW = 10;

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(OP).map(([name, opcode]) => [opcode, name]),
);

/** Answers requests that failed, and tells why: of a program that reads in a loop from a dead store, only now and then. */
export class RequestFailures {
  readonly #tell: ((failure: RequestFailure) => void) | undefined;
  #windowBegan = -Infinity;
  #told = 0;
  #omitted = 0;

  constructor(tell?: (failure: RequestFailure) => void) {
    this.#tell = tell;
  }

  /** Answers with the number that the kernel knows the failure by, unless nobody waits for an answer any more. */
  answer(call: Call, error: unknown): void {
    if (call.isAnswered) return;
    const errno = errnoOf(error);
    call.fail(errno);
    if (errno === ERRNO.EIO) this.#report(call.opcode, error);
  }

  #report(opcode: number, error: unknown): void {
    if (performance.now() - this.#windowBegan >= WINDOW_MS) {
      this.#windowBegan = performance.now();
      this.#told = 0;
    }
    if (this.#told === MAX_IN_WINDOW) {
      this.#omitted++;
      return;
    }
    this.#told++;
    const operation = NAMES.get(opcode) ?? String(opcode);
    this.#tell?.({ operation, error, omitted: this.#omitted });
    this.#omitted = 0;
  }
}
