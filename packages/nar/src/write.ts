import {
  assertDepth,
  assertEntryName,
  assertEntryOrder,
  assertTarget,
} from './constraints.ts';
import { NarError } from './errors.ts';
import type { NarEvent } from './event.ts';
import { type NarLimits, resolveLimits } from './limits.ts';
import {
  ARCHIVE_START,
  CLOSE,
  DIRECTORY,
  ENTRY_START,
  EXECUTABLE,
  NODE_START,
  paddingOf,
  REGULAR,
  SYMLINK,
  writeUint32,
} from './wire.ts';

/** Settings of a {@link NarWriter}. */
export interface NarWriterOptions {
  readonly limits?: Partial<NarLimits>;
  /**
   * Gives the buffers that are written to, of 64 KiB and more, whatever is in them. Each is handed on once, as a view
   * from its start, so that it can be used again after that. Fresh ones of 64 KiB where left out.
   */
  readonly allocate?: () => Uint8Array;
}

/** What the next call must provide. */
type State = 'node' | 'contents' | 'directory' | 'done';

const BUFFER_BYTES = 64 * 1024;
/** From this length on, handing data on costs less than copying it. */
const PASS_THROUGH_BYTES = 32 * 1024;
const MAX_U64 = 2n ** 64n - 1n;
const NO_BYTES = new Uint8Array(0);

/**
 * A strict writer of one archive, from events to bytes: call one method an event, and {@link take} what is ready. It is
 * synchronous. Headers and small contents are gathered into buffers; `data` of 32 KiB and more is handed on by
 * reference, so leave it unchanged until the taken chunk has been used. Who reads contents from somewhere can have them
 * put in their place: {@link room}.
 *
 * After an error the writer must be discarded.
 */
export class NarWriter {
  readonly #limits: NarLimits;
  readonly #previousNames: (Uint8Array | undefined)[] = [];
  #state: State = 'node';
  #contentsLeft = 0n;
  #padding = 0;
  #ready: Uint8Array[] = [];
  readonly #allocate: (() => Uint8Array) | undefined;
  #buffer: Uint8Array = NO_BYTES;
  /** The bytes of the buffer that were handed on already, and those that are filled. */
  #handedOn = 0;
  #filled = 0;
  #bytesWritten = 0;

  constructor(options: NarWriterOptions = {}) {
    this.#limits = resolveLimits(options.limits);
    this.#allocate = options.allocate;
    this.#put(ARCHIVE_START);
  }

  /** How many bytes of the archive exist so far, taken or not; after {@link finish}, the size of the archive. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Opens a directory; {@link end} closes it. */
  directory(): void {
    this.#expect('node', 'a directory');
    this.#put(DIRECTORY);
    this.#previousNames.push(undefined);
    this.#state = 'directory';
  }

  /**
   * Starts an entry of the open directory; the entry's node must follow.
   *
   * @throws NarError `nar/invalid-name`, `nar/unordered-entries`, `nar/too-deep`
   */
  entry(name: Uint8Array): void {
    this.#expect('directory', 'an entry');
    const depth = this.#previousNames.length;
    assertEntryName(name, this.#limits);
    assertEntryOrder(this.#previousNames[depth - 1], name);
    assertDepth(depth, this.#limits);
    this.#previousNames[depth - 1] = new Uint8Array(name);
    this.#put(ENTRY_START);
    this.#putString(name);
    this.#put(NODE_START);
    this.#state = 'node';
  }

  /** Starts a file of `size` bytes (an unsigned 64-bit integer); {@link data} provides them. */
  regular(executable: boolean, size: bigint): void {
    this.#expect('node', 'a file');
    if (size < 0n || size > MAX_U64)
      throw new RangeError(`file size out of range: ${size}`);
    this.#put(executable ? EXECUTABLE : REGULAR);
    this.#putLength(Number(size & 0xffffffffn), Number(size >> 32n));
    this.#contentsLeft = size;
    this.#padding = paddingOf(Number(size & 7n));
    this.#state = 'contents';
    if (size === 0n) this.#closeNode();
  }

  /**
   * Provides the next bytes of the current file. No bytes are always welcome.
   *
   * @throws NarError `nar/invalid-input` when that is more than the file's size
   */
  data(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#expectContents(bytes.length);
    if (bytes.length < PASS_THROUGH_BYTES) {
      this.#put(bytes);
    } else {
      this.#handOn();
      this.#ready.push(bytes);
      this.#bytesWritten += bytes.length;
    }
    this.#contentsAdvance(bytes.length);
  }

  /**
   * The place in the archive where the next bytes of the current file go, whatever is in it: fill all of it, then say so
   * with {@link filled}, or provide them as {@link data} after all. `undefined` where no buffer is so long.
   *
   * @throws NarError as {@link data} does
   */
  room(length: number): Uint8Array | undefined {
    this.#expectContents(length);
    if (this.#filled > 0 && this.#filled + length > this.#buffer.length)
      this.#renew();
    const end = this.#filled + length;
    return end <= this.#buffer.length
      ? this.#buffer.subarray(this.#filled, end)
      : undefined;
  }

  /** The room that was given last holds that many bytes of the file. */
  filled(length: number): void {
    this.#expectContents(length);
    this.#advance(length);
    this.#contentsAdvance(length);
  }

  /**
   * Writes a symlink.
   *
   * @throws NarError `nar/invalid-target`
   */
  symlink(target: Uint8Array): void {
    this.#expect('node', 'a symlink');
    assertTarget(target, this.#limits);
    this.#put(SYMLINK);
    this.#putString(target);
    this.#closeNode();
  }

  /** Closes the open directory. */
  end(): void {
    this.#expect('directory', 'the end of a directory');
    this.#previousNames.pop();
    this.#closeNode();
  }

  /** Writes one event. */
  write(event: NarEvent): void {
    switch (event.type) {
      case 'directory':
        return this.directory();
      case 'entry':
        return this.entry(event.name);
      case 'regular':
        return this.regular(event.executable, event.size);
      case 'data':
        return this.data(event.bytes);
      case 'symlink':
        return this.symlink(event.target);
      case 'end':
        return this.end();
    }
  }

  /**
   * States that the archive is complete.
   *
   * @throws NarError `nar/unexpected-eof` in the middle of a file, `nar/invalid-input` elsewhere before the end
   */
  finish(): void {
    this.#expect('done', 'the end of the archive');
    this.#handOn();
  }

  /**
   * The bytes that are ready, in order; each is handed out once. Before {@link finish} the last few stay back until they
   * fill a buffer, or {@link flush} is called.
   */
  take(): Uint8Array[] {
    const ready = this.#ready;
    if (ready.length > 0) this.#ready = [];
    return ready;
  }

  /** Makes all bytes ready that there are. */
  flush(): void {
    this.#handOn();
  }

  #expect(state: State, what: string): void {
    if (this.#state === state) return;
    if (this.#state === 'contents') {
      throw new NarError(
        'nar/unexpected-eof',
        `file ends ${this.#contentsLeft} bytes early`,
      );
    }
    const expected = {
      node: 'a node',
      directory: 'an entry or the end of a directory',
      done: 'nothing more',
    }[this.#state];
    throw new NarError(
      'nar/invalid-input',
      `expected ${expected}, got ${what}`,
    );
  }

  #expectContents(length: number): void {
    this.#expect('contents', 'file contents');
    const excess = BigInt(length) - this.#contentsLeft;
    if (excess > 0n)
      throw new NarError(
        'nar/invalid-input',
        `file is ${excess} bytes longer than its size`,
      );
  }

  #contentsAdvance(length: number): void {
    this.#contentsLeft -= BigInt(length);
    if (this.#contentsLeft > 0n) return;
    this.#putZeros(this.#padding);
    this.#closeNode();
  }

  #closeNode(): void {
    this.#put(CLOSE);
    if (this.#previousNames.length === 0) {
      this.#state = 'done';
    } else {
      this.#put(CLOSE);
      this.#state = 'directory';
    }
  }

  #putString(bytes: Uint8Array): void {
    this.#putLength(bytes.length, 0);
    // Limits may let a string be longer than a buffer.
    for (let at = 0; at < bytes.length; at += BUFFER_BYTES)
      this.#put(bytes.subarray(at, at + BUFFER_BYTES));
    this.#putZeros(paddingOf(bytes.length));
  }

  #putLength(low: number, high: number): void {
    this.#reserve(8);
    writeUint32(this.#buffer, this.#filled, low);
    writeUint32(this.#buffer, this.#filled + 4, high);
    this.#advance(8);
  }

  #putZeros(count: number): void {
    if (count === 0) return;
    this.#reserve(count);
    this.#buffer.fill(0, this.#filled, this.#filled + count);
    this.#advance(count);
  }

  #put(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#filled);
    this.#advance(bytes.length);
  }

  #advance(bytes: number): void {
    this.#filled += bytes;
    this.#bytesWritten += bytes;
  }

  /** Makes room for `bytes` (less than a buffer) in one piece. */
  #reserve(bytes: number): void {
    if (this.#filled + bytes > this.#buffer.length) this.#renew();
  }

  #renew(): void {
    this.#handOn();
    this.#buffer = this.#allocate?.() ?? new Uint8Array(BUFFER_BYTES);
    this.#handedOn = 0;
    this.#filled = 0;
  }

  #handOn(): void {
    if (this.#filled > this.#handedOn) {
      this.#ready.push(this.#buffer.subarray(this.#handedOn, this.#filled));
      // What is left of a buffer that comes back once its piece was used must not be written to.
      if (this.#allocate !== undefined) this.#buffer = NO_BYTES;
    }
    this.#handedOn = this.#filled;
  }
}
