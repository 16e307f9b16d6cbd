import type { LocalStore } from '@tvix/castore';
import { encodeNixBase32 } from '@tvix/nar';
import { HeldPaths } from './held-paths.ts';
import { LocalPathInfoService } from '../path-info-service/local.ts';
import { Pins } from './pins.ts';

/** A path that was chosen to go. */
export interface DoomedPath {
  /** 20 bytes. */
  readonly outputHash: Uint8Array;
  /** The output hashes of what it refers to, in Nix's base 32. */
  readonly references: readonly string[];
}

/**
 * The paths that were chosen to go, without those that somebody names before they are gone: a path that is registered
 * again or pinned stays, and so does all that it refers to, or that a path registered meanwhile does. Otherwise what was
 * acknowledged would go at the next moment. What is held when the removal is submitted stays likewise.
 *
 * What is named is heard of when it is submitted: it takes effect behind a removal that was submitted before it, and
 * keeps from one that comes later.
 */
export class DoomedPaths {
  readonly #paths = new Map<string, DoomedPath>();
  /** Output hashes that were named before it was known what goes. */
  #named: string[] | undefined = [];
  readonly #held: HeldPaths;
  readonly #stopWatching: () => void;

  /** Listens from now on, until {@link stop}. */
  constructor(store: LocalStore) {
    this.#held = HeldPaths.of(store);
    const stops = [
      LocalPathInfoService.onPut(store, ({ storePath, references }) =>
        this.#name([storePath.digest, ...references]),
      ),
      Pins.onAdd(store, ({ target }) => {
        if (target.type === 'path') this.#name([target.storePath.digest]);
      }),
    ];
    this.#stopWatching = () => stops.forEach((stop) => stop());
  }

  /** Sets what was chosen, once. */
  choose(paths: readonly DoomedPath[]): void {
    for (const path of paths)
      this.#paths.set(encodeNixBase32(path.outputHash), path);
    const named = this.#named ?? [];
    this.#named = undefined;
    this.#spare(named);
  }

  /** Those of some paths that still are to go. Holds until the turn of the event loop ends. */
  among(paths: readonly DoomedPath[]): DoomedPath[] {
    this.#spare(this.#held.names());
    return paths.filter(({ outputHash }) =>
      this.#paths.has(encodeNixBase32(outputHash)),
    );
  }

  stop(): void {
    this.#stopWatching();
  }

  #name(outputHashes: readonly Uint8Array[]): void {
    const names = outputHashes.map(encodeNixBase32);
    if (this.#named === undefined) this.#spare(names);
    else for (const name of names) this.#named.push(name);
  }

  #spare(names: Iterable<string>): void {
    const work = [...names];
    for (let name = work.pop(); name !== undefined; name = work.pop()) {
      const path = this.#paths.get(name);
      if (path === undefined) continue;
      this.#paths.delete(name);
      for (const reference of path.references) work.push(reference);
    }
  }
}
