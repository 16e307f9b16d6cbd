import { ERRNO } from './errno.ts';
import type { Call } from './fuse/call.ts';
import type { RequestFailures } from './request-failures.ts';

interface Deferred {
  readonly call: Call;
  readonly controller: AbortController;
}

/** The calls whose answers are still to come. */
export class DeferredCalls {
  readonly #failures: RequestFailures;
  readonly #calls = new Map<number, Deferred>();

  constructor(failures: RequestFailures) {
    this.#failures = failures;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Answers a call once something is there, unless it was interrupted meanwhile; with an errno where that fails. */
  answerLater<T>(
    call: Call,
    load: (signal: AbortSignal) => Promise<T>,
    answer: (loaded: T) => void,
  ): void {
    const controller = new AbortController();
    const { unique } = call;
    this.#calls.set(unique, { call, controller });
    const settle = async (): Promise<void> => {
      try {
        const loaded = await load(controller.signal);
        if (!call.isAnswered) answer(loaded);
      } catch (error) {
        this.#failures.answer(call, error);
      } finally {
        if (this.#calls.get(unique)?.call === call) this.#calls.delete(unique);
      }
    };
    void settle();
  }

  /** Ends the wait of a call. One that isn't here was answered already: its reply is on the way. */
  interrupt(unique: number): void {
    const deferred = this.#calls.get(unique);
    if (deferred === undefined) return;
    this.#calls.delete(unique);
    deferred.call.fail(ERRNO.EINTR);
    deferred.controller.abort();
  }

  /** Lets all go without an answer: nobody waits any more. */
  dropAll(): void {
    for (const { call, controller } of this.#calls.values()) {
      call.drop();
      controller.abort();
    }
    this.#calls.clear();
  }
}
