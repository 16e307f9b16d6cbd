/** How far a collection has come: what is left isn't known before. */
export interface CollectProgress {
  /** First what is kept is marked, then the index is swept, then sparse packs are rewritten. */
  readonly phase: 'mark' | 'sweep' | 'rewrite';
  /** Of this phase: roots, records, packs. */
  readonly done: number;
}

/** Hears how far a collection has come, and is waited for. */
export type OnCollectProgress = (
  progress: CollectProgress,
) => void | Promise<void>;

const EVERY_MS = 200;

/** Tells of progress a few times a second, and of each phase at its end. */
export class CollectReport {
  readonly #onProgress: OnCollectProgress | undefined;
  #toldMs = 0;

  constructor(onProgress: OnCollectProgress | undefined) {
    this.#onProgress = onProgress;
  }

  async tell(
    phase: CollectProgress['phase'],
    done: number,
    isOver = false,
  ): Promise<void> {
    if (this.#onProgress === undefined) return;
    const now = performance.now();
    if (!isOver && now - this.#toldMs < EVERY_MS) return;
    this.#toldMs = now;
    await this.#onProgress({ phase, done });
  }
}
