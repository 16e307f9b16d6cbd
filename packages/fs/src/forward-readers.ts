/** Blobs that are remembered: of the readers that are at work, most. */
const MOST = 64;

/** How far readers came in the blobs that were read last: one that goes on from there goes forward. */
export class ForwardReaders {
  readonly #ends = new Map<string, number>();

  /** Notes that a part was read, which ended there. */
  note(blob: string, end: number): void {
    this.#ends.delete(blob);
    this.#ends.set(blob, end);
    if (this.#ends.size <= MOST) return;
    const [oldest] = this.#ends.keys();
    this.#ends.delete(oldest!);
  }

  /** Whether the last part of that blob ended there. */
  goesOn(blob: string, offset: number): boolean {
    return this.#ends.get(blob) === offset;
  }
}
