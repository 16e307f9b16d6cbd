import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { readTree, requireDirectory } from '@tvix/castore';
import type { CallOptions, Node } from '@tvix/castore';
import { StoreError } from '../errors.ts';
import type { NarCalculation, NarCalculationService } from './calculation.ts';
import { NarDigester } from './digester.ts';
import type { TreeStorage } from './tree-storage.ts';

/**
 * More entries are no tree that anybody has: a few directories that stand in each other often enough, whose archive would
 * take years.
 */
const MAX_ENTRIES = 2n ** 32n;

/** What is at hand is read without anybody else having a turn: they get one after so long. */
const SLICE_MS = 4;

/** Calculates by rendering: every call reads the whole tree. */
export class RenderingNarCalculation implements NarCalculationService {
  readonly #storage: TreeStorage;

  constructor(storage: TreeStorage) {
    this.#storage = storage;
  }

  async calculateNar(
    node: Node,
    options?: CallOptions,
  ): Promise<NarCalculation> {
    await this.#assertFewEntries(node, options);
    const digester = new NarDigester();
    let turnMs = performance.now();
    for await (const events of readTree(node, this.#storage, options)) {
      digester.write(events);
      if (performance.now() - turnMs < SLICE_MS) continue;
      await turnOfOthers();
      options?.signal?.throwIfAborted();
      turnMs = performance.now();
    }
    return digester.finish();
  }

  /** The directory says how many entries it has, counted as often as they stand there; the node only claims it. */
  async #assertFewEntries(node: Node, options?: CallOptions): Promise<void> {
    if (node.type !== 'directory') return;
    const { directories } = this.#storage;
    const root = await requireDirectory(directories, node.digest, options);
    if (root.size <= MAX_ENTRIES) return;
    throw new StoreError(
      'store/limit-exceeded',
      `the tree has ${root.size} entries, of which an archive may have ${MAX_ENTRIES}`,
      { details: { limit: MAX_ENTRIES } },
    );
  }
}
