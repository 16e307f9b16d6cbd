import { readTree } from '@tvix/castore';
import type { CallOptions, Node } from '@tvix/castore';
import type { NarCalculation, NarCalculationService } from './calculation.ts';
import { NarDigester } from './digester.ts';
import type { TreeStorage } from './tree-storage.ts';

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
    const digester = new NarDigester();
    for await (const events of readTree(node, this.#storage, options))
      digester.write(events);
    return digester.finish();
  }
}
