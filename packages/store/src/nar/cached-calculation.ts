import type { CallOptions, Node } from '@tvix/castore';
import type { NarCalculationCache } from './calculation-cache.ts';
import { calculationKey } from './calculation-key.ts';
import type { NarCalculation, NarCalculationService } from './calculation.ts';
import { SharedCalls } from './shared-calls.ts';

/**
 * Calculates each NAR once: remembers what another service calculated, and lets concurrent calls for one node share the
 * work. What is remembered is told without a look at whether the tree is still stored. A cache that fails costs time, and
 * fails nobody's call.
 */
export class CachedNarCalculation implements NarCalculationService {
  readonly #inner: NarCalculationService;
  readonly #cache: NarCalculationCache;
  readonly #running = new SharedCalls<NarCalculation>();

  constructor(inner: NarCalculationService, cache: NarCalculationCache) {
    this.#inner = inner;
    this.#cache = cache;
  }

  async calculateNar(
    node: Node,
    options?: CallOptions,
  ): Promise<NarCalculation> {
    // The NAR of a symlink is some hundred bytes: quicker made than looked up.
    if (node.type === 'symlink') return this.#inner.calculateNar(node, options);
    const key = calculationKey(node);
    const known = await this.#recall(key);
    if (known !== undefined) return known;
    return this.#running.run(
      String.fromCharCode(...key),
      async (signal) => {
        const calculation = await this.#inner.calculateNar(node, { signal });
        await this.#remember(key, calculation);
        return calculation;
      },
      options?.signal,
    );
  }

  async learn(node: Node, calculation: NarCalculation): Promise<void> {
    if (node.type !== 'symlink')
      await this.#remember(calculationKey(node), calculation);
  }

  async #recall(key: Uint8Array): Promise<NarCalculation | undefined> {
    try {
      return await this.#cache.get(key);
    } catch {
      // A damaged entry: the tree itself says the same, and it is at hand.
      return undefined;
    }
  }

  async #remember(key: Uint8Array, calculation: NarCalculation): Promise<void> {
    try {
      await this.#cache.set(key, calculation);
    } catch {
      // A full disk must not keep an answer back that is known.
    }
  }
}
