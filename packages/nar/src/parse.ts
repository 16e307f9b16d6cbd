import {
  assertDepth,
  assertEntryName,
  assertEntryOrder,
  assertLength,
  assertTarget,
} from './constraints.ts';
import { NarError } from './errors.ts';
import type { ParsedNarEvent } from './event.ts';
import { type NarLimits, resolveLimits } from './limits.ts';
import {
  ARCHIVE_START,
  CLOSE,
  DIRECTORY,
  ENTRY_START,
  EXECUTABLE,
  matches,
  NODE_START,
  paddedLength,
  paddingOf,
  readUint32,
  REGULAR,
  SYMLINK,
} from './wire.ts';

/** Settings of a {@link NarParser}. */
export interface NarParserOptions {
  readonly limits?: Partial<NarLimits>;
  /** What to do about bytes after the root node: refuse them (the default), or leave them unread. */
  readonly trailing?: 'error' | 'ignore';
  /** Whether file contents become `data` events (the default), or are passed over without a look. */
  readonly contents?: 'emit' | 'skip';
}

/** What the next bytes must be, in words. Every state but `contents` and `done` waits for a known number of bytes. */
const EXPECTED = {
  archive: 'the start of an archive',
  kind: 'the type of a node',
  'target-length': 'a symlink target',
  target: 'a symlink target',
  size: 'file contents',
  'executable-size': 'file contents',
  contents: 'file contents',
  'contents-end': 'the end of a file',
  directory: 'an entry or the end of a directory',
  'entry-end': 'the end of an entry',
  'name-length': 'an entry name',
  name: 'an entry name',
  done: 'nothing',
} as const;

type State = keyof typeof EXPECTED;

const ENTRY_WORD_BYTES = 16;
/** The bytes of a kind that tell it from the others: two keywords' worth at most, and never past the end of the shortest. */
const KIND_BYTES = 24;

const DIRECTORY_EVENT: ParsedNarEvent = Object.freeze({ type: 'directory' });
const END_EVENT: ParsedNarEvent = Object.freeze({ type: 'end' });

/**
 * A strict reader of one archive, from bytes in chunks of any size to events. It is synchronous, iterative, and keeps no
 * more than one header (some 4 KiB) between chunks. Exactly one byte sequence stands for each tree: everything else is
 * refused with a {@link NarError}, after which the parser stays failed.
 *
 * `data` events are views into the chunk that was pushed: use or copy them before you reuse that memory. Names and
 * targets are copies of their own.
 */
export class NarParser {
  readonly #limits: NarLimits;
  readonly #ignoresTrailing: boolean;
  readonly #emitsContents: boolean;
  /** The name of the last entry of each open directory, the root's first. */
  readonly #previousNames: (Uint8Array | undefined)[] = [];
  #state: State = 'archive';
  /** How many bytes the present state waits for. */
  #need = ARCHIVE_START.length;
  /** The start of a header whose end has not arrived yet. */
  #held = new Uint8Array(64);
  #heldBytes = 0;
  #position = 0;
  /** Length of the name or target that comes next, or of the padding after contents. */
  #length = 0;
  #contentsLeft = 0;
  #failure: unknown;

  constructor(options: NarParserOptions = {}) {
    this.#limits = resolveLimits(options.limits);
    this.#ignoresTrailing = options.trailing === 'ignore';
    this.#emitsContents = options.contents !== 'skip';
  }

  /** Whether the root node is complete. */
  get done(): boolean {
    return this.#state === 'done';
  }

  /** How many bytes of the archive have been consumed; once {@link done}, the size of the archive. */
  get position(): number {
    return this.#position + this.#heldBytes;
  }

  /** How many bytes of the current file's contents are still to come: the most that {@link skip} may pass over. */
  get contentsLeft(): number {
    return this.#contentsLeft;
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
      this.#consume(chunk, events);
    } catch (error) {
      this.#failure =
        error instanceof NarError ? atPosition(error, this.#position) : error;
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
      bytes > this.#contentsLeft
    ) {
      throw new RangeError(
        `cannot skip ${bytes} bytes, ${this.#contentsLeft} bytes of contents are left`,
      );
    }
    this.#advanceContents(bytes);
  }

  /**
   * States that no more bytes will come.
   *
   * @throws NarError `nar/unexpected-eof` when the archive is not complete
   */
  finish(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state === 'done') return;
    const isForeign =
      this.#state === 'archive' &&
      !matches(this.#held, 0, ARCHIVE_START, 0, this.#heldBytes);
    const error = isForeign
      ? new NarError('nar/invalid-data', 'not a Nix archive')
      : new NarError(
          'nar/unexpected-eof',
          `unexpected end of archive, expected ${EXPECTED[this.#state]}`,
        );
    this.#failure = atPosition(error, this.position);
    throw this.#failure;
  }

  #consume(chunk: Uint8Array, events: ParsedNarEvent[]): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'done') {
        if (this.#ignoresTrailing) return;
        throw new NarError(
          'nar/trailing-data',
          'archive is followed by more bytes',
        );
      }
      if (this.#state === 'contents') {
        const taken = Math.min(this.#contentsLeft, chunk.length - at);
        if (this.#emitsContents) {
          events.push({
            type: 'data',
            bytes:
              taken === chunk.length ? chunk : chunk.subarray(at, at + taken),
          });
        }
        this.#advanceContents(taken);
        at += taken;
      } else if (this.#heldBytes === 0 && chunk.length - at >= this.#need) {
        const taken = this.#need;
        this.#accept(chunk, at, events);
        this.#position += taken;
        at += taken;
      } else {
        at += this.#hold(chunk, at, events);
      }
    }
  }

  /** Collects a header that chunks cut apart; returns how many bytes it took. */
  #hold(chunk: Uint8Array, at: number, events: ParsedNarEvent[]): number {
    const taken = Math.min(this.#need - this.#heldBytes, chunk.length - at);
    if (this.#held.length < this.#need) {
      const larger = new Uint8Array(this.#need);
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(chunk.subarray(at, at + taken), this.#heldBytes);
    this.#heldBytes += taken;
    if (this.#heldBytes === this.#need) {
      const need = this.#need;
      this.#heldBytes = 0;
      this.#accept(this.#held, 0, events);
      this.#position += need;
    }
    return taken;
  }

  /** Handles the `#need` bytes at `at`, all of which are there. */
  #accept(bytes: Uint8Array, at: number, events: ParsedNarEvent[]): void {
    switch (this.#state) {
      case 'archive':
        expect(bytes, at, ARCHIVE_START, 0, 'not a Nix archive');
        return this.#await('kind', KIND_BYTES);
      case 'kind':
        return this.#acceptKind(bytes, at, events);
      case 'target-length':
        expect(bytes, at, SYMLINK, KIND_BYTES, 'symlink without a target');
        this.#length = readLength(
          'target',
          bytes,
          at + 8,
          this.#limits.targetBytes,
        );
        return this.#await(
          'target',
          paddedLength(this.#length) + this.#closingBytes,
        );
      case 'target':
        return this.#acceptTarget(bytes, at, events);
      case 'size':
        expect(bytes, at, REGULAR, KIND_BYTES, 'file without contents');
        return this.#acceptSize(false, bytes, at + 8, events);
      case 'executable-size':
        expect(
          bytes,
          at,
          EXECUTABLE,
          KIND_BYTES,
          'malformed executable marker',
        );
        return this.#acceptSize(true, bytes, at + 40, events);
      case 'contents-end':
        expectPadding(bytes, at, this.#length);
        return this.#closeNode(bytes, at + this.#length);
      case 'directory':
        return this.#acceptInDirectory(bytes, at, events);
      case 'entry-end':
        expect(bytes, at, CLOSE, 0, 'entry is not closed');
        return this.#await('directory', ENTRY_WORD_BYTES);
      case 'name-length':
        expect(
          bytes,
          at,
          ENTRY_START,
          ENTRY_WORD_BYTES,
          'entry without a name',
        );
        this.#length = readLength(
          'name',
          bytes,
          at + 32,
          this.#limits.nameBytes,
        );
        return this.#await(
          'name',
          paddedLength(this.#length) + NODE_START.length,
        );
      case 'name':
        return this.#acceptName(bytes, at, events);
      case 'contents':
      case 'done':
        return;
    }
  }

  #acceptKind(bytes: Uint8Array, at: number, events: ParsedNarEvent[]): void {
    if (matches(bytes, at, REGULAR, 0, KIND_BYTES))
      return this.#await('size', 16);
    if (matches(bytes, at, EXECUTABLE, 0, KIND_BYTES))
      return this.#await('executable-size', 48);
    if (matches(bytes, at, SYMLINK, 0, KIND_BYTES))
      return this.#await('target-length', 16);
    expect(bytes, at, DIRECTORY, 0, 'unknown node type');
    this.#previousNames.push(undefined);
    events.push(DIRECTORY_EVENT);
    this.#await('directory', ENTRY_WORD_BYTES);
  }

  #acceptTarget(bytes: Uint8Array, at: number, events: ParsedNarEvent[]): void {
    const target = bytes.slice(at, at + this.#length);
    assertTarget(target, this.#limits);
    expectPadding(bytes, at + this.#length, paddingOf(this.#length));
    events.push({ type: 'symlink', target });
    this.#closeNode(bytes, at + paddedLength(this.#length));
  }

  #acceptSize(
    executable: boolean,
    bytes: Uint8Array,
    at: number,
    events: ParsedNarEvent[],
  ): void {
    const low = readUint32(bytes, at);
    const high = readUint32(bytes, at + 4);
    const size = high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low);
    events.push({
      type: 'regular',
      executable,
      size,
      offset: this.#position + this.#need,
    });
    // No source can deliver 2^53 bytes, so that such a file only ever ends early; its padding still follows its size.
    this.#contentsLeft =
      size > Number.MAX_SAFE_INTEGER ? Infinity : Number(size);
    this.#length = paddingOf(low);
    this.#state = 'contents';
    this.#advanceContents(0);
  }

  #advanceContents(bytes: number): void {
    this.#position += bytes;
    this.#contentsLeft -= bytes;
    if (this.#contentsLeft === 0 && this.#state === 'contents') {
      this.#await('contents-end', this.#length + this.#closingBytes);
    }
  }

  #acceptInDirectory(
    bytes: Uint8Array,
    at: number,
    events: ParsedNarEvent[],
  ): void {
    if (matches(bytes, at, ENTRY_START, 0, ENTRY_WORD_BYTES))
      return this.#await('name-length', 40);
    expect(
      bytes,
      at,
      CLOSE,
      0,
      'neither an entry nor the end of its directory',
    );
    this.#previousNames.pop();
    events.push(END_EVENT);
    if (this.#previousNames.length === 0) this.#await('done', 0);
    else this.#await('entry-end', CLOSE.length);
  }

  #acceptName(bytes: Uint8Array, at: number, events: ParsedNarEvent[]): void {
    const name = bytes.slice(at, at + this.#length);
    const depth = this.#previousNames.length;
    assertEntryName(name, this.#limits);
    assertEntryOrder(this.#previousNames[depth - 1], name);
    assertDepth(depth, this.#limits);
    expectPadding(bytes, at + this.#length, paddingOf(this.#length));
    expect(
      bytes,
      at + paddedLength(this.#length),
      NODE_START,
      0,
      'entry without a node',
    );
    this.#previousNames[depth - 1] = name;
    events.push({ type: 'entry', name });
    this.#await('kind', KIND_BYTES);
  }

  /** The bytes that close a file or symlink: a parenthesis for the node, and one for the entry around it. */
  get #closingBytes(): number {
    return this.#previousNames.length === 0 ? CLOSE.length : 2 * CLOSE.length;
  }

  #closeNode(bytes: Uint8Array, at: number): void {
    expect(bytes, at, CLOSE, 0, 'node is not closed');
    if (this.#previousNames.length === 0) return this.#await('done', 0);
    expect(bytes, at + CLOSE.length, CLOSE, 0, 'entry is not closed');
    this.#await('directory', ENTRY_WORD_BYTES);
  }

  #await(state: State, need: number): void {
    this.#state = state;
    this.#need = need;
  }
}

function atPosition(error: NarError, position: number): NarError {
  return new NarError(error.code, `${error.message} (at byte ${position})`, {
    details: { ...error.details, position },
  });
}

/** Compares keywords, from byte `from` of the constant on. */
function expect(
  bytes: Uint8Array,
  at: number,
  keywords: Uint8Array,
  from: number,
  problem: string,
): void {
  if (!matches(bytes, at, keywords, from))
    throw new NarError('nar/invalid-data', problem);
}

function expectPadding(bytes: Uint8Array, at: number, length: number): void {
  for (let i = at; i < at + length; i++) {
    if (bytes[i] !== 0)
      throw new NarError('nar/invalid-padding', 'padding is not zero');
  }
}

function readLength(
  what: 'name' | 'target',
  bytes: Uint8Array,
  at: number,
  limit: number,
): number {
  const length = readUint32(bytes, at);
  assertLength(what, length, readUint32(bytes, at + 4), limit);
  return length;
}
