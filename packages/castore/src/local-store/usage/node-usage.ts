import type { Node } from '../../node/node.ts';
import type { LocalStore } from '../local-store.ts';
import { RecordKind } from '../packs/record.ts';

/**
 * When what a node leads to was last stored or asked for, in milliseconds since 1970; `undefined` where it isn't stored,
 * and for symbolic links, which lead to nothing.
 */
export function nodeUsedMs(store: LocalStore, node: Node): number | undefined {
  if (node.type === 'symlink') return undefined;
  const { bytes } = node.digest;
  return node.type === 'directory'
    ? store.usedMs(RecordKind.directory, bytes)
    : (store.usedMs(RecordKind.chunk, bytes) ??
        store.usedMs(RecordKind.recipe, bytes));
}

/** A node is used now: a collection that runs keeps it with all below it. */
export function useNode(store: Pick<LocalStore, 'has'>, node: Node): void {
  if (node.type === 'symlink') return;
  const { bytes } = node.digest;
  if (node.type === 'directory') store.has(RecordKind.directory, bytes);
  else if (!store.has(RecordKind.chunk, bytes))
    store.has(RecordKind.recipe, bytes);
}
