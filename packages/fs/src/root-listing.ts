import type { NamedNode } from '@tvix/castore';
import type { RootNodes } from './root-nodes.ts';

/**
 * One pass over the root, resumed by each READDIR where the one before stopped, so that no list of all names is ever
 * held. Going back, as `rewinddir` does, starts a new pass.
 */
export class RootListing {
  readonly #rootNodes: RootNodes;
  #entries: AsyncIterator<NamedNode> | undefined;
  #position = 0;
  #pending: NamedNode | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(rootNodes: RootNodes) {
    this.#rootNodes = rootNodes;
  }

  /**
   * Collects entries from that index on until there are enough; fewer only at the end. Calls take turns.
   *
   * @param wants whether one more fits
   */
  read(
    index: number,
    wants: (entry: NamedNode) => boolean,
    signal?: AbortSignal,
  ): Promise<NamedNode[]> {
    const turn = this.#turn.then(() => this.#read(index, wants, signal));
    this.#turn = turn.catch(() => this.close());
    return turn;
  }

  async #read(
    index: number,
    wants: (entry: NamedNode) => boolean,
    signal?: AbortSignal,
  ): Promise<NamedNode[]> {
    await this.#seek(index, signal);
    const taken: NamedNode[] = [];
    for (
      let entry = await this.#next(signal);
      entry !== undefined;
      entry = await this.#next(signal)
    ) {
      if (!wants(entry)) {
        this.#pending = entry;
        break;
      }
      taken.push(entry);
    }
    this.#position += taken.length;
    return taken;
  }

  async #seek(index: number, signal?: AbortSignal): Promise<void> {
    if (index < this.#position || this.#entries === undefined) {
      await this.close();
      this.#entries = this.#rootNodes.list()[Symbol.asyncIterator]();
    }
    for (; this.#position < index; this.#position++)
      if ((await this.#next(signal)) === undefined) break;
  }

  async #next(signal?: AbortSignal): Promise<NamedNode | undefined> {
    signal?.throwIfAborted();
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) return pending;
    const next = await this.#entries!.next();
    return next.done === true ? undefined : next.value;
  }

  /** Ends the pass. */
  async close(): Promise<void> {
    const entries = this.#entries;
    this.#entries = undefined;
    this.#pending = undefined;
    this.#position = 0;
    await entries?.return?.();
  }
}
