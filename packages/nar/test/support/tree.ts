import type { NarEvent } from '../../src/event.ts';

/** A file tree as plain data. Names and targets are given one character a byte. */
export type Tree =
  | { readonly file: Uint8Array; readonly executable?: boolean }
  | { readonly link: string }
  | { readonly entries: readonly (readonly [name: string, node: Tree])[] };

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function file(contents: Uint8Array | string, executable = false): Tree {
  return {
    file: typeof contents === 'string' ? bytesOf(contents) : contents,
    executable,
  };
}

export function link(target: string): Tree {
  return { link: target };
}

export function directory(entries: Readonly<Record<string, Tree>> = {}): Tree {
  return { entries: Object.entries(entries) };
}

/** The events of a tree, in the order given, whether or not that is an archive's order. */
export function eventsOf(tree: Tree): NarEvent[] {
  if ('link' in tree) return [{ type: 'symlink', target: bytesOf(tree.link) }];
  if ('file' in tree) {
    const head: NarEvent = {
      type: 'regular',
      executable: tree.executable ?? false,
      size: BigInt(tree.file.length),
    };
    return tree.file.length === 0
      ? [head]
      : [head, { type: 'data', bytes: tree.file }];
  }
  const entries = tree.entries.flatMap(([name, node]) => [
    { type: 'entry', name: bytesOf(name) } as const,
    ...eventsOf(node),
  ]);
  return [{ type: 'directory' }, ...entries, { type: 'end' }];
}
