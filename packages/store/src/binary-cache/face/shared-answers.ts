/** An answer is kept for so many times as long as it took. */
const KEPT_TIMES = 20;
/** However long it took. */
const MAX_KEPT_MS = 60_000;

/**
 * Answers that cost something, each made once for all who ask in the meantime and kept for twenty times as long as it
 * took: making one again and again takes a twentieth of the time at most, however often anybody asks. Of more than
 * `maxKept`, those made last are kept.
 */
export class SharedAnswers<T> {
  readonly #maxKept: number;
  readonly #answers = new Map<string, Promise<T>>();

  constructor(maxKept: number) {
    this.#maxKept = maxKept;
  }

  /**
   * The answer to a question, made where nobody asked shortly before. It is made to its end, though whoever asked may
   * have left: to begin again for each who does would cost more. A failure is told to those who wait, and not kept.
   */
  to(question: string, make: () => Promise<T>): Promise<T> {
    const known = this.#answers.get(question);
    if (known !== undefined) return known;
    const begun = performance.now();
    const answer = make();
    this.#answers.set(question, answer);
    const forget = (): void => {
      if (this.#answers.get(question) === answer)
        this.#answers.delete(question);
    };
    answer.then(() => {
      const tookMs = performance.now() - begun;
      setTimeout(forget, Math.min(tookMs * KEPT_TIMES, MAX_KEPT_MS)).unref();
    }, forget);
    // A map keeps the order of insertion: the first key is the oldest.
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= this.#maxKept) break;
      this.#answers.delete(oldest);
    }
    return answer;
  }
}
