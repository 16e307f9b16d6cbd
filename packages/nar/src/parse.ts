import { Carry } from './carry.ts';
import { NarError } from './errors.ts';
import type { ParsedNarEvent } from './event.ts';
import { NarGrammar } from './grammar.ts';
import { type NarLimits, resolveLimits } from './limits.ts';
import { ARCHIVE_START, matches } from './wire.ts';

/** Settings of a {@link NarParser}. */
export interface NarParserOptions {
  readonly limits?: Partial<NarLimits>;
  /** What to do about bytes after the root node: refuse them (the default), or leave them unread. */
  readonly trailing?: 'error' | 'ignore';
  /** Whether file contents become `data` events (the default), or are passed over without a look. */
  readonly contents?: 'emit' | 'skip';
}

/**
 * A strict reader of one archive, from bytes in chunks of any size to events. It is synchronous, iterative, and keeps no
 * more than one header (some 4 KiB) between chunks. Exactly one byte sequence stands for each tree: everything else is
 * refused with a {@link NarError}, after which the parser stays failed.
 *
 * `data` events are views into the chunk that was pushed: use or copy them before you reuse that memory. Names and
 * targets are copies of their own.
 */
export class NarParser {
  readonly #grammar: NarGrammar;
  readonly #carry = new Carry();
  readonly #ignoresTrailing: boolean;
  readonly #emitsContents: boolean;
  #failure: unknown;

  constructor(options: NarParserOptions = {}) {
    this.#grammar = new NarGrammar(resolveLimits(options.limits));
    this.#ignoresTrailing = options.trailing === 'ignore';
    this.#emitsContents = options.contents !== 'skip';
  }

  /** Whether the root node is complete. */
  get done(): boolean {
    return this.#grammar.isDone;
  }

  /** How many bytes of the archive have been consumed; once {@link done}, the size of the archive. */
  get position(): number {
    return this.#grammar.position + this.#carry.length;
  }

  /** How many bytes of the current file's contents are still to come: the most that {@link skip} may pass over. */
  get contentsLeft(): number {
    return this.#grammar.contentsLeft;
  }

  /**
   * Consumes the next bytes of the archive and returns what they complete, in order.
   *
   * @throws NarError of kind `invalid-data` when the bytes are no archive
   */
  push(chunk: Uint8Array): readonly ParsedNarEvent[] {
    if (this.#failure !== undefined) throw this.#failure;
    const events: ParsedNarEvent[] = [];
    try {
      this.#consume(plainView(chunk), events);
    } catch (error) {
      this.#failure =
        error instanceof NarError
          ? atPosition(error, this.#grammar.position)
          : error;
      throw this.#failure;
    }
    return events;
  }

  /**
   * Takes the next `bytes` bytes of the current file's contents as read, without seeing them. For sources that can seek:
   * push what comes after them next.
   *
   * @throws RangeError when that is more than {@link contentsLeft}
   */
  skip(bytes: number): void {
    if (
      !Number.isSafeInteger(bytes) ||
      bytes < 0 ||
      bytes > this.contentsLeft
    ) {
      throw new RangeError(
        `cannot skip ${bytes} bytes, ${this.contentsLeft} bytes of contents are left`,
      );
    }
    this.#grammar.passContents(bytes);
  }

  /**
   * States that no more bytes will come.
   *
   * @throws NarError `nar/unexpected-eof` when the archive is not complete
   */
  finish(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.done) return;
    const isForeign =
      this.#grammar.position === 0 &&
      !matches(this.#carry.bytes, 0, ARCHIVE_START, 0, this.#carry.length);
    const error = isForeign
      ? new NarError('nar/invalid-data', 'not a Nix archive')
      : new NarError(
          'nar/unexpected-eof',
          `unexpected end of archive, expected ${this.#grammar.expected}`,
        );
    this.#failure = atPosition(error, this.position);
    throw this.#failure;
  }

  #consume(chunk: Uint8Array, events: ParsedNarEvent[]): void {
    const grammar = this.#grammar;
    const carry = this.#carry;
    let at = 0;
    while (at < chunk.length) {
      if (grammar.contentsLeft > 0) {
        at += this.#contents(chunk, at, events);
      } else if (grammar.isDone) {
        if (this.#ignoresTrailing) return;
        throw new NarError(
          'nar/trailing-data',
          'archive is followed by more bytes',
        );
      } else if (carry.length === 0 && chunk.length - at >= grammar.needs) {
        at += grammar.accept(chunk, at, events);
      } else {
        at += carry.fill(chunk, at, grammar.needs);
        if (carry.length === grammar.needs) {
          carry.clear();
          grammar.accept(carry.bytes, 0, events);
        }
      }
    }
  }

  #contents(chunk: Uint8Array, at: number, events: ParsedNarEvent[]): number {
    const taken = Math.min(this.#grammar.contentsLeft, chunk.length - at);
    if (this.#emitsContents) {
      const isWhole = taken === chunk.length;
      const bytes = isWhole ? chunk : chunk.subarray(at, at + taken);
      events.push({ type: 'data', bytes });
    }
    this.#grammar.passContents(taken);
    return taken;
  }
}

function atPosition(error: NarError, position: number): NarError {
  return new NarError(error.code, `${error.message} (at byte ${position})`, {
    details: { ...error.details, position },
  });
}

/** Node's `Buffer` is a `Uint8Array` whose `slice` shares memory: names must be copies. */
function plainView(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
