import { encodeNixBase32 } from '@tvix/nar';
import type { UploadedNar } from './uploaded-nar.ts';
import type { UploadStorage } from './upload-storage.ts';

/** So many failures are kept for the narinfos that come after them. */
const MAX_FAILURES = 1000;

/** A NAR that was taken and isn't durable yet. */
export interface ArrivingNar extends Pick<UploadStorage, 'pathInfos'> {
  readonly nar: UploadedNar;
  /** Resolves once it is durable. Rejects where it can't be. */
  readonly stored: Promise<void>;
}

/** NARs that were taken and aren't durable yet, and those that couldn't be made so. */
export class ArrivingNars {
  readonly #arriving = new Map<
    string,
    ArrivingNar & { readonly settled: Promise<void> }
  >();
  readonly #failures = new Map<string, unknown>();

  /** A file was taken. */
  add(fileSha256: Uint8Array, nar: ArrivingNar): void {
    const key = encodeNixBase32(fileSha256);
    this.#failures.delete(key);
    const settled = nar.stored
      .catch((error: unknown) => this.#fail(key, error))
      .finally(() => {
        if (this.#arriving.get(key) === arriving) this.#arriving.delete(key);
      });
    const arriving = { ...nar, settled };
    this.#arriving.set(key, arriving);
  }

  /** The NAR of a file that was taken and isn't durable yet. */
  get(fileSha256: Uint8Array): ArrivingNar | undefined {
    return this.#arriving.get(encodeNixBase32(fileSha256));
  }

  /** Resolves when a file is stored, or isn't going to be; at once where none is under way. */
  async settled(fileSha256: Uint8Array): Promise<void> {
    await this.#arriving.get(encodeNixBase32(fileSha256))?.settled;
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
