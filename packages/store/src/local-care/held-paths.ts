import type { LocalStore } from '@tvix/castore';
import { encodeNixBase32 } from '@tvix/nar';

const heldPaths = new WeakMap<LocalStore, HeldPaths>();

/**
 * Store paths of a local store that somebody looks at to register what needs them: as long as they are held they aren't
 * forgotten. They needn't be there.
 *
 * Looking at a path and registering one that refers to it are two steps. A removal in between would leave the second path
 * without what it needs, and comes too early to hear of it.
 */
export class HeldPaths {
  /** How often each is held, by its output hash in Nix's base 32. */
  readonly #held = new Map<string, number>();
  /** Removals that were submitted and may not show yet, with what they remove. */
  readonly #removals = new Map<Promise<unknown>, ReadonlySet<string>>();

  /** Those of a store: the same for all who ask. */
  static of(store: LocalStore): HeldPaths {
    let held = heldPaths.get(store);
    if (held === undefined) heldPaths.set(store, (held = new HeldPaths()));
    return held;
  }

  /**
   * Holds paths by their output hashes of 20 bytes each. Resolves once no removal of them is under way, so that what is
   * seen from then on stays; with the function that lets go of them.
   */
  async hold(outputHashes: readonly Uint8Array[]): Promise<() => void> {
    const names = new Set(outputHashes.map(encodeNixBase32));
    for (;;) {
      const removal = this.#removalOf(names);
      if (removal === undefined) break;
      await removal.catch(() => {});
    }
    for (const name of names)
      this.#held.set(name, (this.#held.get(name) ?? 0) + 1);
    return () => {
      for (const name of names) this.#letGo(name);
      names.clear();
    };
  }

  /** The paths that are held at this moment, by their output hashes in Nix's base 32. */
  names(): IterableIterator<string> {
    return this.#held.keys();
  }

  /** Forgets paths that aren't held, as {@link names} says in the same turn of the event loop. */
  async remove(
    outputHashes: readonly Uint8Array[],
    submit: () => Promise<void>,
  ): Promise<void> {
    const removal = submit();
    this.#removals.set(removal, new Set(outputHashes.map(encodeNixBase32)));
    try {
      await removal;
    } finally {
      this.#removals.delete(removal);
    }
  }

  #removalOf(names: ReadonlySet<string>): Promise<unknown> | undefined {
    for (const [removal, removed] of this.#removals)
      for (const name of names) if (removed.has(name)) return removal;
    return undefined;
  }

  #letGo(name: string): void {
    const count = this.#held.get(name)! - 1;
    if (count === 0) this.#held.delete(name);
    else this.#held.set(name, count);
  }
}

/** Holds the paths of a local store. */
export function localPathHolds(
  store: LocalStore,
): (outputHashes: readonly Uint8Array[]) => Promise<() => void> {
  const held = HeldPaths.of(store);
  return (outputHashes) => held.hold(outputHashes);
}
