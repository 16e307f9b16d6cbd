/** The length of one: shorter ones cost trips to the threads that fill them, longer ones leave the processor's cache. */
export const RENDER_BUFFER_BYTES: number = 512 * 1024;

/** Those that nobody uses at the moment are kept up to this many: 32 MiB, what 16 archives at a time take. */
const MOST_IDLE = 64;

/** So many may be filled ahead of whoever takes the archives, of all that are rendered at a time: 16 MiB. */
const MOST_AHEAD = 32;

/**
 * Buffers that archives are rendered into, used again for the next part once their bytes went where they were wanted:
 * fresh ones would have to be collected as fast as they are sent. They lie in memory that threads share, of which the
 * collector doesn't see how much there is: give all of them back.
 */
export class RenderBuffers {
  readonly #idle: Uint8Array[] = [];
  readonly #lent = new WeakMap<ArrayBufferLike, Uint8Array>();
  #ahead = 0;

  /** A buffer of {@link RENDER_BUFFER_BYTES}, whatever is in it. */
  take(): Uint8Array {
    const buffer =
      this.#idle.pop() ??
      Buffer.from(new SharedArrayBuffer(RENDER_BUFFER_BYTES));
    this.#lent.set(buffer.buffer, buffer);
    return buffer;
  }

  /** Gives back the buffer that a piece lies in, if it is one of these: nobody may look at any part of it any more. */
  give(piece: Uint8Array): void {
    const buffer = this.#lent.get(piece.buffer);
    if (buffer === undefined) return;
    this.#lent.delete(piece.buffer);
    if (this.#idle.length < MOST_IDLE) this.#idle.push(buffer);
  }

  /** Whether one more may be filled ahead; to be ended with {@link endAhead}. */
  beginAhead(): boolean {
    if (this.#ahead >= MOST_AHEAD) return false;
    this.#ahead += 1;
    return true;
  }

  endAhead(): void {
    this.#ahead -= 1;
  }
}
