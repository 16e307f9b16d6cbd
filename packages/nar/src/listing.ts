import type { NarEvent } from './event.ts';
import { MAX_ESCAPED_BYTES, writeJsonString } from './json-bytes.ts';
import { paddedLength } from './wire.ts';

/** Settings of a {@link NarLister}. */
export interface NarListerOptions {
  /** Whether the whole tree is listed (the default), or only the names in the root directory. */
  readonly recursive?: boolean;
  /**
   * `node` (the default) is what `nix nar ls --json` prints; `ls-file` puts it under `{"version":1,"root":…}`, as binary
   * caches store it in their `.ls` files.
   */
  readonly form?: 'node' | 'ls-file';
}

const BUFFER_BYTES = 64 * 1024;
/** Bytes of an archive before a directory's first entry, an entry's node without its name, a file's contents, a target. */
const DIRECTORY_HEAD_BYTES = 56;
const ENTRY_HEAD_BYTES = 72;
const REGULAR_HEAD_BYTES = 72;
const EXECUTABLE_HEAD_BYTES = 104;
const SYMLINK_HEAD_BYTES = 72;
const CLOSE_BYTES = 16;

const LS_FILE_START = '{"version":1,"root":';
const DIRECTORY_START = '{"type":"directory","entries":{';
const DIRECTORY_END = '}}';
const REGULAR_START = '{"type":"regular","size":';
const EXECUTABLE = ',"executable":true';
const OFFSET = ',"narOffset":';
const SYMLINK_START = '{"type":"symlink","target":"';
const QUOTE = '"';
const STRING_AND_OBJECT_END = '"}';
const NAME_END = '":';
const NAME_AND_ELIDED_NODE = '":{}';
const OBJECT_END = '}';
const COMMA = ',';

/**
 * Prints the listing of an archive as JSON, from its events, byte for byte as Nix does: no white space, no final newline,
 * keys in the order `type`, `size`, `executable`, `narOffset`. Memory is bounded by what has not been taken yet.
 *
 * It needs no `data` events, and computes every `narOffset` from the events before it, so that any tree in archive order
 * can be listed without its contents. The events must form one tree, as those of a `NarParser` do.
 */
export class NarLister {
  readonly #isRecursive: boolean;
  readonly #isFile: boolean;
  #ready: Uint8Array[] = [];
  #buffer = new Uint8Array(BUFFER_BYTES);
  #filled = 0;
  #depth = 0;
  #isFirstEntry = true;
  /** Offset of the next node or entry in the archive. */
  #position = 24;

  constructor(options: NarListerOptions = {}) {
    this.#isRecursive = options.recursive ?? true;
    this.#isFile = options.form === 'ls-file';
    if (this.#isFile) this.#put(LS_FILE_START);
  }

  /** Lists what the events say. */
  push(events: readonly NarEvent[]): void {
    for (const event of events) {
      switch (event.type) {
        case 'directory':
          this.#directory();
          break;
        case 'entry':
          this.#entry(event.name);
          break;
        case 'regular':
          this.#regular(event.executable, event.size);
          break;
        case 'symlink':
          this.#symlink(event.target);
          break;
        case 'end':
          this.#end();
          break;
        case 'data':
      }
    }
  }

  /** States that the tree is complete. */
  finish(): void {
    if (this.#isFile) this.#put(OBJECT_END);
    this.#handOn();
  }

  /** How many bytes the archive has up to where it was listed. */
  get position(): number {
    return this.#position;
  }

  /** The text that is ready, in order; each chunk is handed out once. */
  take(): Uint8Array[] {
    const ready = this.#ready;
    if (ready.length > 0) this.#ready = [];
    return ready;
  }

  get #printsNode(): boolean {
    return this.#isRecursive || this.#depth === 0;
  }

  #directory(): void {
    if (this.#printsNode) this.#put(DIRECTORY_START);
    this.#isFirstEntry = true;
    this.#depth++;
    this.#position += DIRECTORY_HEAD_BYTES;
  }

  #entry(name: Uint8Array): void {
    if (this.#isRecursive || this.#depth === 1) {
      if (!this.#isFirstEntry) this.#put(COMMA);
      this.#isFirstEntry = false;
      this.#put(QUOTE);
      this.#putEscaped(name);
      this.#put(this.#isRecursive ? NAME_END : NAME_AND_ELIDED_NODE);
    }
    this.#position += ENTRY_HEAD_BYTES + paddedLength(name.length);
  }

  #regular(executable: boolean, size: bigint): void {
    const offset =
      this.#position +
      (executable ? EXECUTABLE_HEAD_BYTES : REGULAR_HEAD_BYTES);
    if (this.#printsNode) {
      this.#put(REGULAR_START);
      this.#put(String(size));
      if (executable) this.#put(EXECUTABLE);
      this.#put(OFFSET);
      this.#put(String(offset));
      this.#put(OBJECT_END);
    }
    this.#position = offset + paddedLength(Number(size));
    this.#closeNode();
  }

  #symlink(target: Uint8Array): void {
    if (this.#printsNode) {
      this.#put(SYMLINK_START);
      this.#putEscaped(target);
      this.#put(STRING_AND_OBJECT_END);
    }
    this.#position += SYMLINK_HEAD_BYTES + paddedLength(target.length);
    this.#closeNode();
  }

  #end(): void {
    this.#depth--;
    if (this.#printsNode) this.#put(DIRECTORY_END);
    this.#isFirstEntry = false;
    this.#closeNode();
  }

  #closeNode(): void {
    this.#position += this.#depth === 0 ? CLOSE_BYTES : 2 * CLOSE_BYTES;
  }

  /** Writes ASCII. */
  #put(text: string): void {
    this.#reserve(text.length);
    const buffer = this.#buffer;
    let at = this.#filled;
    for (let i = 0; i < text.length; i++) buffer[at++] = text.charCodeAt(i);
    this.#filled = at;
  }

  #putEscaped(bytes: Uint8Array): void {
    this.#reserve(bytes.length * MAX_ESCAPED_BYTES);
    this.#filled = writeJsonString(bytes, this.#buffer, this.#filled);
  }

  #reserve(bytes: number): void {
    if (this.#filled + bytes <= this.#buffer.length) return;
    this.#handOn();
    this.#buffer = new Uint8Array(Math.max(BUFFER_BYTES, bytes));
    this.#filled = 0;
  }

  #handOn(): void {
    if (this.#filled > 0)
      this.#ready.push(this.#buffer.subarray(0, this.#filled));
  }
}
