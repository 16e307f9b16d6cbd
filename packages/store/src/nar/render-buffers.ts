/** The length of one: what is read into it is still near the processor when it is sent. */
export const RENDER_BUFFER_BYTES: number = 256 * 1024;

/** Those that nobody uses at the moment are kept up to this many: 8 MiB. */
const MOST_IDLE = 32;

/**
 * Buffers that archives are rendered into, used again for the next part once their bytes went where they were wanted:
 * fresh ones would have to be collected as fast as they are sent.
 */
export class RenderBuffers {
  readonly #idle: Uint8Array[] = [];
  readonly #lent = new WeakMap<ArrayBufferLike, Uint8Array>();

  /** A buffer of {@link RENDER_BUFFER_BYTES}, whatever is in it. */
  take(): Uint8Array {
    const buffer =
      this.#idle.pop() ?? Buffer.allocUnsafeSlow(RENDER_BUFFER_BYTES);
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
}
