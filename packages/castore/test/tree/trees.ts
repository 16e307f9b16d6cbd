import fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { compareBytes } from '../../src/digest/bytes.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import type { TreeEvent, TreeEvents } from '../../src/tree/event.ts';

/** A small tree as a value, to write tests with. */
export type Tree =
  | { readonly type: 'directory'; readonly entries: readonly Entry[] }
  | {
      readonly type: 'file';
      readonly contents: Uint8Array;
      readonly executable: boolean;
    }
  | { readonly type: 'symlink'; readonly target: Uint8Array };

export type Entry = readonly [name: Uint8Array, tree: Tree];

export function text(string: string): Uint8Array {
  return new TextEncoder().encode(string);
}

export function directory(entries: Readonly<Record<string, Tree>> = {}): Tree {
  const named = Object.entries(entries).map(([name, tree]): Entry => [
    text(name),
    tree,
  ]);
  return {
    type: 'directory',
    entries: named.sort(([a], [b]) => compareBytes(a, b)),
  };
}

export function file(contents: Uint8Array | string, executable = false): Tree {
  const bytes = typeof contents === 'string' ? text(contents) : contents;
  return { type: 'file', contents: bytes, executable };
}

export function symlink(target: string): Tree {
  return { type: 'symlink', target: text(target) };
}

/** The tree whose root directory is the fixture "complicated". */
export const COMPLICATED: Tree = directory({
  '.keep': file(''),
  aa: symlink('/nix/store/somewhereelse'),
  keep: directory({ '.keep': file('') }),
});

/** A tree as events, the contents of files in pieces of up to `pieceBytes`. */
export function* eventsOf(
  tree: Tree,
  pieceBytes = Infinity,
): Generator<TreeEvent> {
  switch (tree.type) {
    case 'symlink':
      yield tree;
      return;
    case 'file': {
      const { contents, executable } = tree;
      yield { type: 'regular', executable, size: BigInt(contents.length) };
      for (let at = 0; at < contents.length; at += pieceBytes) {
        const bytes = contents.subarray(at, at + pieceBytes);
        yield { type: 'data', bytes };
      }
      return;
    }
    case 'directory':
      yield { type: 'directory' };
      for (const [name, child] of tree.entries) {
        yield { type: 'entry', name };
        yield* eventsOf(child, pieceBytes);
      }
      yield { type: 'end' };
  }
}

/** Events in batches of up to `count`. */
export function* batches(
  events: Iterable<TreeEvent>,
  count = 3,
): Generator<TreeEvent[]> {
  let batch: TreeEvent[] = [];
  for (const event of events) {
    batch.push(event);
    if (batch.length === count) {
      yield batch;
      batch = [];
    }
  }
  yield batch;
}

/** A tree as what sinks take. */
export function source(tree: Tree, pieceBytes?: number): TreeEvents {
  return batches(eventsOf(tree, pieceBytes));
}

/** The tree that events tell. They are taken for valid. */
export async function treeOf(events: TreeEvents): Promise<Tree> {
  const open: { entries: [Uint8Array, Tree][]; name: Uint8Array }[] = [];
  let name = text('');
  let pieces: Uint8Array[] = [];
  let left = 0n;
  let executable = false;
  let root: Tree | undefined;
  const complete = (tree: Tree, as: Uint8Array): void => {
    const parent = open.at(-1);
    if (parent === undefined) root = tree;
    else parent.entries.push([Uint8Array.from(as), tree]);
  };
  const completeFile = (): void => {
    const contents = Uint8Array.from(Buffer.concat(pieces));
    complete({ type: 'file', contents, executable }, name);
  };
  for await (const batch of events) {
    for (const event of batch) {
      switch (event.type) {
        case 'directory':
          open.push({ entries: [], name });
          break;
        case 'entry':
          name = event.name;
          break;
        case 'end': {
          const closed = open.pop()!;
          const { entries } = closed;
          complete({ type: 'directory', entries }, closed.name);
          break;
        }
        case 'symlink':
          complete(
            { type: 'symlink', target: Uint8Array.from(event.target) },
            name,
          );
          break;
        case 'regular':
          pieces = [];
          left = event.size;
          executable = event.executable;
          if (left === 0n) completeFile();
          break;
        case 'data':
          pieces.push(event.bytes);
          left -= BigInt(event.bytes.length);
          if (left === 0n && event.bytes.length > 0) completeFile();
      }
    }
  }
  return root!;
}

/** A tree with long contents replaced by their digests: comparing MiBs byte by byte takes Jest minutes. */
export function summary(tree: Tree): unknown {
  if (tree.type === 'directory')
    return tree.entries.map(([name, child]) => [name, summary(child)]);
  if (tree.type === 'symlink' || tree.contents.length < 100) return tree;
  const { contents, executable } = tree;
  return [executable, contents.length, hashBytes(contents).toHex()];
}

/** Names that a Linux file system takes. */
const arbitraryName: Arbitrary<Uint8Array> = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 8 }).map(text),
    fc.uint8Array({ minLength: 1, maxLength: 12 }),
  )
  .filter(
    (name) =>
      !name.includes(0) &&
      !name.includes(0x2f) &&
      !['.', '..'].includes(Buffer.from(name).toString('latin1')),
  );

/** Trees of any shape with small files. */
export const arbitraryTree: Arbitrary<Tree> = fc.letrec<{ tree: Tree }>(
  (tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.record({
        type: fc.constant('file' as const),
        contents: fc.uint8Array({ maxLength: 40 }),
        executable: fc.boolean(),
      }),
      fc.record({
        type: fc.constant('symlink' as const),
        target: fc
          .uint8Array({ minLength: 1, maxLength: 20 })
          .filter((target) => !target.includes(0)),
      }),
      fc.record({
        type: fc.constant('directory' as const),
        entries: fc
          .uniqueArray(fc.tuple(arbitraryName, tie('tree')), {
            selector: ([name]) => Buffer.from(name).toString('latin1'),
            maxLength: 6,
          })
          .map((entries) => entries.sort(([a], [b]) => compareBytes(a, b))),
      }),
    ),
  }),
).tree;
