import { TimeSlice, yieldToLoop } from '../../blob-service/time-slice.ts';
import { B3Digest } from '../../digest/b3-digest.ts';
import { Directory } from '../../node/directory.ts';
import { recordIndexKey } from '../index/store-index.ts';
import { RecordKind } from '../packs/record.ts';
import type { QuietReader } from '../read/quiet-reader.ts';
import { ioFailure } from '../store-failure.ts';
import type { PackedDigestSet } from './packed-digest-set.ts';

/** By the number of a directory: those of the directories in it, one after another. */
interface Children {
  /** Where those of each begin; one more than there are directories. */
  readonly starts: Uint32Array;
  readonly numbers: Uint32Array;
}

/**
 * The index keys of directories, each before those that it leads to, so that they can be removed in any number of
 * transactions and none is left without its parts. What a damaged one leads to isn't known, and it is of no use to anybody.
 *
 * Memory: some 12 bytes for each, and 4 for each time that one of them leads to another.
 *
 * @throws CastoreError `castore/io`
 */
export async function* parentsFirst(
  reader: QuietReader,
  directories: PackedDigestSet,
): AsyncGenerator<Buffer> {
  const { starts, numbers } = await readChildren(reader, directories);
  const parents = new Uint32Array(directories.size);
  for (const child of numbers) parents[child]! += 1;
  // Those that no parent is left of, in the order in which they are found.
  const free = new Uint32Array(directories.size);
  let found = 0;
  for (let number = 0; number < directories.size; number += 1)
    if (parents[number] === 0) free[found++] = number;
  for (let next = 0; next < found; next += 1) {
    const number = free[next]!;
    yield recordIndexKey(RecordKind.directory, directories.at(number));
    for (let at = starts[number]!; at < starts[number + 1]!; at += 1) {
      const child = numbers[at]!;
      parents[child]! -= 1;
      if (parents[child] === 0) free[found++] = child;
    }
  }
}

async function readChildren(
  reader: QuietReader,
  directories: PackedDigestSet,
): Promise<Children> {
  const starts = new Uint32Array(directories.size + 1);
  let numbers = new Uint32Array(directories.size);
  let end = 0;
  const slice = new TimeSlice();
  for (let number = 0; number < directories.size; number += 1) {
    if (slice.isOver()) {
      await yieldToLoop();
      slice.restart();
    }
    for (const child of childrenOf(reader, directories.at(number))) {
      const known = directories.numberOf(child);
      if (known === undefined) continue;
      if (end === numbers.length) {
        const longer = new Uint32Array(2 * end);
        longer.set(numbers);
        numbers = longer;
      }
      numbers[end++] = known;
    }
    starts[number + 1] = end;
  }
  return { starts, numbers: numbers.subarray(0, end) };
}

function childrenOf(reader: QuietReader, key: Uint8Array): Uint8Array[] {
  const kind = RecordKind.directory;
  const found = reader.find(kind, recordIndexKey(kind, key), key);
  if (found?.fault === 'unreadable') {
    const digest = B3Digest.fromBytes(new Uint8Array(key));
    throw ioFailure(`cannot read ${digest.toString()}`, found.cause);
  }
  if (found === undefined || found.fault !== undefined) return [];
  const children: Uint8Array[] = [];
  for (const { node } of Directory.decode(found.payload).entries)
    if (node.type === 'directory') children.push(node.digest.bytes);
  return children;
}
