const SLICE_MS = 4;

/** Reading the clock costs as much as a small lookup: it is read every so many questions. */
const CLOCK_EVERY = 32;

/** Tells long synchronous work when to let the event loop turn. */
export class TimeSlice {
  #end = performance.now() + SLICE_MS;
  #asked = 0;

  isOver(): boolean {
    this.#asked += 1;
    return this.#asked % CLOCK_EVERY === 0 && performance.now() >= this.#end;
  }

  restart(): void {
    this.#end = performance.now() + SLICE_MS;
  }
}

/** Lets everything that waits have its turn. */
export function yieldToLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
