/**
 * The request stream of a call, fed from outside: `push` waits while the other side takes less than it is given. The
 * call ends it early through `return`, which is how iteration says that nobody reads on.
 */
export class OutgoingStream<T> implements AsyncIterable<T> {
  readonly #capacity: number;
  readonly #queue: T[] = [];
  #isEnded = false;
  #isAbandoned = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  /** @param capacity how many items may wait before `push` does */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Whether nobody reads on; items are dropped then. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Adds an item. Resolves when more is welcome, or nobody reads on. Calls must not overlap. */
  async push(item: T): Promise<void> {
    if (this.#isAbandoned) return;
    this.#queue.push(item);
    this.#wakeReader?.();
    if (this.#queue.length >= this.#capacity)
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
  }

  /** Says that no more items come. */
  end(): void {
    this.#isEnded = true;
    this.#wakeReader?.();
  }

  /** Drops what waits and ends with one item instead. */
  endWith(item: T): void {
    this.#queue.splice(0, this.#queue.length, item);
    this.end();
    this.#wakeWriter?.();
  }

  /** Says that nobody reads on: a waiting `push` resolves. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#queue.length = 0;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    try {
      for (;;) {
        const item = this.#queue.shift();
        if (item !== undefined) {
          if (this.#queue.length < this.#capacity) this.#wakeWriter?.();
          yield item;
        } else if (this.#isEnded || this.#isAbandoned) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
        }
      }
    } finally {
      this.abandon();
    }
  }
}
