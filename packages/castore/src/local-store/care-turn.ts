import { CastoreError } from '../errors.ts';
import type { LocalStore } from './local-store.ts';

const taken = new WeakSet<LocalStore>();

/**
 * The one turn that collecting and repairing take: both move records and take packs out of service. Answers with what ends
 * it.
 *
 * @throws CastoreError `castore/collection-running` where it is taken
 */
export function takeCareTurn(store: LocalStore): () => void {
  if (taken.has(store)) {
    throw new CastoreError(
      'castore/collection-running',
      `${store.directory} is being collected or repaired already`,
    );
  }
  taken.add(store);
  return () => void taken.delete(store);
}
