import {
  assertDepth,
  assertEntryName,
  assertEntryOrder,
  assertTarget,
} from './constraints.ts';
import type { ParsedNarEvent } from './event.ts';
import {
  expectKeywords,
  expectPadding,
  readLength,
  readSize,
} from './header.ts';
import type { NarLimits } from './limits.ts';
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
  REGULAR,
  SYMLINK,
} from './wire.ts';

/** What the next bytes must be, in words. Every state but `done` waits for a known number of bytes. */
const EXPECTED = {
  archive: 'the start of an archive',
  kind: 'the type of a node',
  'target-length': 'a symlink target',
  target: 'a symlink target',
  size: 'file contents',
  'executable-size': 'file contents',
  'contents-end': 'the end of a file',
  directory: 'an entry or the end of a directory',
  'entry-end': 'the end of an entry',
  'name-length': 'an entry name',
  name: 'an entry name',
  done: 'nothing',
} as const;

type State = keyof typeof EXPECTED;

const INTEGER_BYTES = 8;
/** The first keyword in a directory: `entry` and `)` are equally long. */
const ENTRY_WORD_BYTES = 16;
/** What tells the kinds of node apart, and is no longer than the shortest: the keyword and the next one's length. */
const KIND_BYTES = 24;

const DIRECTORY_EVENT: ParsedNarEvent = /* @__PURE__ */ Object.freeze({
  type: 'directory',
});
const END_EVENT: ParsedNarEvent = /* @__PURE__ */ Object.freeze({
  type: 'end',
});

/**
 * The grammar of an archive as a machine that takes one header at a time: it says how many bytes the next header
 * {@link needs}, and turns them into events. File contents never pass through it; it only counts them.
 */
export class NarGrammar {
  readonly #limits: NarLimits;
  /** The name of the last entry of each open directory, the root's first. */
  readonly #previousNames: (Uint8Array | undefined)[] = [];
  #state: State = 'archive';
  #needs = ARCHIVE_START.length;
  #position = 0;
  /** Length of the name or target that comes next, or of the padding after contents. */
  #length = 0;
  #contentsLeft = 0;

  constructor(limits: NarLimits) {
    this.#limits = limits;
  }

  /** Whether the root node is complete. */
  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** What must come next, in words. */
  get expected(): string {
    if (this.#contentsLeft > 0) return 'file contents';
    return EXPECTED[this.#state];
  }

  /** Offset in the archive of what comes next. */
  get position(): number {
    return this.#position;
  }

  /** How many bytes the next header takes, once no contents are left. */
  get needs(): number {
    return this.#needs;
  }

  /** How many bytes of file contents come before the next header. */
  get contentsLeft(): number {
    return this.#contentsLeft;
  }

  /** Passes over file contents. */
  passContents(bytes: number): void {
    this.#position += bytes;
    this.#contentsLeft -= bytes;
  }

  /** Reads the header at `at`, all of which is there, and returns its length. */
  accept(bytes: Uint8Array, at: number, events: ParsedNarEvent[]): number {
    const length = this.#needs;
    this.#dispatch(bytes, at, events);
    this.#position += length;
    return length;
  }

  #dispatch(bytes: Uint8Array, at: number, events: ParsedNarEvent[]): void {
    switch (this.#state) {
      case 'archive':
        expectKeywords(bytes, at, ARCHIVE_START, 0, 'not a Nix archive');
        return this.#await('kind', KIND_BYTES);
      case 'kind':
        return this.#acceptKind(bytes, at, events);
      case 'target-length':
        return this.#acceptTargetLength(bytes, at);
      case 'target':
        return this.#acceptTarget(bytes, at, events);
      case 'size':
        return this.#acceptSize(false, bytes, at, events);
      case 'executable-size':
        return this.#acceptSize(true, bytes, at, events);
      case 'contents-end':
        expectPadding(bytes, at, this.#length);
        return this.#closeNode(bytes, at + this.#length);
      case 'directory':
        return this.#acceptInDirectory(bytes, at, events);
      case 'entry-end':
        expectKeywords(bytes, at, CLOSE, 0, 'entry is not closed');
        return this.#await('directory', ENTRY_WORD_BYTES);
      case 'name-length':
        return this.#acceptNameLength(bytes, at);
      case 'name':
        return this.#acceptName(bytes, at, events);
      case 'done':
        return;
    }
  }

  #acceptKind(bytes: Uint8Array, at: number, events: ParsedNarEvent[]): void {
    const startsWith = (kind: Uint8Array): boolean =>
      matches(bytes, at, kind, 0, KIND_BYTES);
    if (startsWith(REGULAR)) {
      this.#await('size', REGULAR.length - KIND_BYTES + INTEGER_BYTES);
    } else if (startsWith(EXECUTABLE)) {
      const rest = EXECUTABLE.length - KIND_BYTES;
      this.#await('executable-size', rest + INTEGER_BYTES);
    } else if (startsWith(SYMLINK)) {
      this.#await('target-length', SYMLINK.length - KIND_BYTES + INTEGER_BYTES);
    } else {
      expectKeywords(bytes, at, DIRECTORY, 0, 'unknown node type');
      this.#previousNames.push(undefined);
      events.push(DIRECTORY_EVENT);
      this.#await('directory', ENTRY_WORD_BYTES);
    }
  }

  #acceptTargetLength(bytes: Uint8Array, at: number): void {
    const problem = 'symlink without a target';
    const end = expectKeywords(bytes, at, SYMLINK, KIND_BYTES, problem);
    const { targetBytes } = this.#limits;
    this.#length = readLength('target', bytes, end, targetBytes);
    this.#await('target', paddedLength(this.#length) + this.#closingBytes);
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
    const keywords = executable ? EXECUTABLE : REGULAR;
    const problem = 'malformed executable marker or contents';
    const end = expectKeywords(bytes, at, keywords, KIND_BYTES, problem);
    const size = readSize(bytes, end);
    const offset = this.#position + this.#needs;
    events.push({ type: 'regular', executable, size, offset });
    // No source can deliver 2^53 bytes, so that such a file only ever ends early; its padding still follows its size.
    const isEndless = size > Number.MAX_SAFE_INTEGER;
    this.#contentsLeft = isEndless ? Infinity : Number(size);
    this.#length = paddingOf(Number(size & 7n));
    this.#await('contents-end', this.#length + this.#closingBytes);
  }

  #acceptInDirectory(
    bytes: Uint8Array,
    at: number,
    events: ParsedNarEvent[],
  ): void {
    if (matches(bytes, at, ENTRY_START, 0, ENTRY_WORD_BYTES)) {
      const rest = ENTRY_START.length - ENTRY_WORD_BYTES;
      return this.#await('name-length', rest + INTEGER_BYTES);
    }
    expectKeywords(bytes, at, CLOSE, 0, 'neither an entry nor the end');
    this.#previousNames.pop();
    events.push(END_EVENT);
    if (this.#previousNames.length === 0) this.#await('done', 0);
    else this.#await('entry-end', CLOSE.length);
  }

  #acceptNameLength(bytes: Uint8Array, at: number): void {
    const problem = 'entry without a name';
    const end = expectKeywords(
      bytes,
      at,
      ENTRY_START,
      ENTRY_WORD_BYTES,
      problem,
    );
    this.#length = readLength('name', bytes, end, this.#limits.nameBytes);
    this.#await('name', paddedLength(this.#length) + NODE_START.length);
  }

  #acceptName(bytes: Uint8Array, at: number, events: ParsedNarEvent[]): void {
    const nameEnd = at + this.#length;
    const name = bytes.slice(at, nameEnd);
    const depth = this.#previousNames.length;
    assertEntryName(name, this.#limits);
    assertEntryOrder(this.#previousNames[depth - 1], name);
    assertDepth(depth, this.#limits);
    const padding = paddingOf(this.#length);
    expectPadding(bytes, nameEnd, padding);
    expectKeywords(
      bytes,
      nameEnd + padding,
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
    expectKeywords(bytes, at, CLOSE, 0, 'node is not closed');
    if (this.#previousNames.length === 0) return this.#await('done', 0);
    expectKeywords(bytes, at + CLOSE.length, CLOSE, 0, 'entry is not closed');
    this.#await('directory', ENTRY_WORD_BYTES);
  }

  #await(state: State, needs: number): void {
    this.#state = state;
    this.#needs = needs;
  }
}
