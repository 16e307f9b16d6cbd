/** More that nobody uses isn't kept. */
const MAX_IDLE = 8;

/** Memory that comes back from where it was sent, to be used again: fresh memory costs a page fault for each 4 KiB. */
export class OutputMemory {
  readonly #idle: ArrayBuffer[] = [];

  /** So many bytes, whatever is in them. */
  take(bytes: number): ArrayBuffer {
    const at = this.#idle.findIndex(({ byteLength }) => byteLength === bytes);
    return at < 0 ? new ArrayBuffer(bytes) : this.#idle.splice(at, 1)[0]!;
  }

  give(memory: ArrayBuffer): void {
    if (this.#idle.length === MAX_IDLE) this.#idle.shift();
    this.#idle.push(memory);
  }
}
