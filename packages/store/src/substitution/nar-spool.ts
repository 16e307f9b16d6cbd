import { randomUUID } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallOptions } from '@tvix/castore';

const READ_BYTES = 256 * 1024;

/** A part of a NAR: from `start` up to but without `end`, in bytes. */
export interface NarSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * A NAR that is coming in, for any number of readers that follow it, however late they come and however slow they are.
 * It lies in a file without a name, which is gone once nobody holds it any more, or with the process.
 *
 * A reader gets all but the last byte of what it asks for as that comes in, and the last one only when the NAR is known to
 * be right: what turns out wrong never ends as if it were whole.
 */
export class NarSpool {
  readonly #folder: string;
  #file: FileHandle | undefined;
  #written = 0;
  #holders = 0;
  #outcome: 'whole' | { readonly failure: unknown } | undefined;
  #waiting: (() => void)[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Takes the next bytes. A disk that is full ends the readers, and isn't whoever writes to be bothered with. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#outcome !== undefined) return;
    try {
      this.#file ??= await openNameless(this.#folder);
      for (let at = 0; at < bytes.length;) {
        const length = bytes.length - at;
        const position = this.#written;
        const { bytesWritten } = await this.#file.write(
          bytes,
          at,
          length,
          position,
        );
        at += bytesWritten;
        this.#written += bytesWritten;
      }
      this.#wake();
    } catch (failure) {
      this.#end({ failure });
    }
  }

  /** Says that all of it was right. */
  finish(): void {
    this.#end('whole');
  }

  /** Breaks all readers off. */
  fail(failure: unknown): void {
    this.#end({ failure });
  }

  /** Keeps the bytes readable until what it answers is called. */
  hold(): () => void {
    this.#holders++;
    let isHeld = true;
    return () => {
      if (isHeld) this.#holders--;
      isHeld = false;
      this.#closeUnused();
    };
  }

  /** Resolves once there is something to read, or it has ended without. */
  async begun(options?: CallOptions): Promise<boolean> {
    while (this.#written === 0 && this.#outcome === undefined)
      await this.#changed(options?.signal);
    return this.#written > 0;
  }

  /**
   * The bytes of a span as they come in, while the spool is held.
   *
   * @throws what {@link fail} was told, or what kept the bytes from being written; the signal's reason
   */
  async *read(
    { start, end }: NarSpan,
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let at = start;
    while (at < end) {
      options?.signal?.throwIfAborted();
      if (typeof this.#outcome === 'object') throw this.#outcome.failure;
      const until = this.#outcome === 'whole' ? end : end - 1;
      const length = Math.min(until, this.#written, at + READ_BYTES) - at;
      if (length > 0) {
        yield await this.#readAt(at, length);
        at += length;
      } else if (this.#outcome === 'whole') return;
      else await this.#changed(options?.signal);
    }
  }

  async #readAt(at: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.#file!.read(bytes, 0, length, at);
    return bytes.subarray(0, bytesRead);
  }

  #end(outcome: 'whole' | { readonly failure: unknown }): void {
    this.#outcome ??= outcome;
    this.#wake();
    this.#closeUnused();
  }

  #closeUnused(): void {
    if (this.#outcome === undefined || this.#holders > 0) return;
    const file = this.#file;
    this.#file = undefined;
    // All that it held is gone with it: whether closing goes well is no matter.
    file?.close().catch(() => undefined);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #changed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = (): void => reject(signal!.reason as Error);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }
}

async function openNameless(folder: string): Promise<FileHandle> {
  const path = join(folder, `.incoming-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  try {
    await unlink(path);
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}
