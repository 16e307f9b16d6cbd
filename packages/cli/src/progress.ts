import { writeSync } from 'node:fs';
import { formatBytes } from './format-bytes.ts';

/** Work that takes less than this shows no progress. */
const FIRST_AFTER_MS = 1000;
const EVERY_MS = 100;
const CLEAR_LINE = '\r\x1b[2K';

/** How far work has come. */
export interface WorkDone {
  readonly files: number;
  readonly bytes: number;
}

/** Where a progress line goes. */
export interface ProgressTerminal {
  readonly isTerminal: boolean;
  write(text: string): void;
}

/** The one line of progress on a terminal; on anything else there is none. */
export class Progress {
  readonly #terminal: ProgressTerminal;
  readonly #started: number = performance.now();
  readonly #parts = new Map<unknown, WorkDone>();
  #shownAt = 0;
  #isShown = false;

  constructor(terminal: ProgressTerminal = stderrTerminal()) {
    this.#terminal = terminal;
  }

  /** Says how far one part of the work has come; parts are told apart by their key, and summed. */
  report(part: unknown, done: WorkDone): void {
    if (!this.#terminal.isTerminal) return;
    this.#parts.set(part, done);
    this.#show((now) => this.#text((now - this.#started) / 1000));
  }

  /** Says in words how far work has come that isn't of files. */
  tell(text: string): void {
    if (this.#terminal.isTerminal) this.#show(() => text);
  }

  /** Takes the line away, before anything else is written to the terminal and at the end. */
  clear(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#write(CLEAR_LINE);
  }

  #show(text: (now: number) => string): void {
    const now = performance.now();
    if (now - this.#started < FIRST_AFTER_MS || now - this.#shownAt < EVERY_MS)
      return;
    this.#shownAt = now;
    this.#isShown = true;
    this.#write(CLEAR_LINE + text(now));
  }

  #write(text: string): void {
    try {
      this.#terminal.write(text);
    } catch {
      // A terminal that is gone, or slow: the work goes on.
    }
  }

  #text(seconds: number): string {
    let files = 0;
    let bytes = 0;
    for (const part of this.#parts.values()) {
      files += part.files;
      bytes += part.bytes;
    }
    const speed = `${formatBytes(bytes / seconds)}/s`;
    return `${files} files, ${formatBytes(bytes)}, ${speed}`;
  }
}

function stderrTerminal(): ProgressTerminal {
  return {
    isTerminal: process.stderr.isTTY === true,
    write: (text) => void writeSync(2, text),
  };
}
