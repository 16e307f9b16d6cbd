import { encodeNixBase32 } from '@tvix/nar';

/** So many failures are kept for the narinfos that come after them. */
const MAX_FAILURES = 1000;

/** NARs that were taken and aren't durable yet, and those that couldn't be made so. */
export class ArrivingNars {
  readonly #arriving = new Map<string, Promise<void>>();
  readonly #failures = new Map<string, unknown>();

  /** A file was taken; all of it is stored once the promise resolves. */
  add(fileSha256: Uint8Array, stored: Promise<void>): void {
    const key = encodeNixBase32(fileSha256);
    this.#failures.delete(key);
    const settled = stored
      .catch((error: unknown) => this.#fail(key, error))
      .finally(() => {
        if (this.#arriving.get(key) === settled) this.#arriving.delete(key);
      });
    this.#arriving.set(key, settled);
  }

  /** Resolves when a file is stored, or isn't going to be; at once where none is under way. */
  async settled(fileSha256: Uint8Array): Promise<void> {
    await this.#arriving.get(encodeNixBase32(fileSha256));
  }

  /** Why a file that was taken couldn't be stored; `undefined` where nothing is known of that. */
  failureOf(fileSha256: Uint8Array): unknown {
    return this.#failures.get(encodeNixBase32(fileSha256));
  }

  #fail(key: string, error: unknown): void {
    this.#failures.set(key, error);
    if (this.#failures.size <= MAX_FAILURES) return;
    // A map keeps the order of insertion: the first key is the oldest.
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest);
      return;
    }
  }
}
