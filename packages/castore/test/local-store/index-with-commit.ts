import type { StoreIndex } from '../../src/local-store/index/store-index.ts';

/** An index whose commits are another's; all else goes to the index itself. */
export function indexWithCommit(
  index: StoreIndex,
  commit: StoreIndex['commit'],
): StoreIndex {
  return {
    get generation() {
      return index.generation;
    },
    get: (key) => index.get(key),
    range: (range) => index.range(range),
    count: () => index.count(),
    readSparingly: () => index.readSparingly(),
    close: () => index.close(),
    commit,
  };
}
