import type { B3Digest } from '@tvix/castore';
import type { BlobSource } from './blob-source.ts';

/** As many as are asked for at once: with segments of 512 KiB, 16 MiB. */
const MOST = 32;

interface Wanted {
  readonly digest: B3Digest;
  readonly signal: AbortSignal;
  readonly resolve: (bytes: Uint8Array | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers what is asked for in one turn into as few calls as possible: requests of the kernel come in bursts. */
export class SegmentBatch {
  readonly #source: Pick<BlobSource, 'getMany'>;
  #wanted: Wanted[] = [];

  constructor(source: Pick<BlobSource, 'getMany'>) {
    this.#source = source;
  }

  /** A blob or chunk whole; `undefined` where it isn't stored. */
  get(digest: B3Digest, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#wanted.length === 0) queueMicrotask(() => this.#send());
      this.#wanted.push({ digest, signal, resolve, reject });
    });
  }

  #send(): void {
    const wanted = this.#wanted;
    this.#wanted = [];
    for (let i = 0; i < wanted.length; i += MOST)
      void this.#fetch(wanted.slice(i, i + MOST));
  }

  async #fetch(wanted: readonly Wanted[]): Promise<void> {
    // One that asks alone can also leave alone.
    const options = wanted.length === 1 ? { signal: wanted[0]!.signal } : {};
    try {
      const contents = await this.#source.getMany(
        wanted.map(({ digest }) => digest),
        options,
      );
      wanted.forEach(({ resolve }, i) => resolve(contents[i]));
    } catch (error) {
      if (wanted.length === 1) return wanted[0]!.reject(error);
      // One bad blob fails the call for all: each for itself then, so that only the bad one's reader is told.
      for (const one of wanted) void this.#fetch([one]);
    }
  }
}
