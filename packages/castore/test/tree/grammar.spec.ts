import { describe, expect, it } from '@jest/globals';
import type { TreeEvent } from '../../src/tree/event.ts';
import { TreeGrammar } from '../../src/tree/grammar.ts';
import { COMPLICATED, eventsOf, text } from './trees.ts';

const directory: TreeEvent = { type: 'directory' };
const end: TreeEvent = { type: 'end' };
const link: TreeEvent = { type: 'symlink', target: text('x') };
const entry = (name: string | number[]): TreeEvent => ({
  type: 'entry',
  name: typeof name === 'string' ? text(name) : Uint8Array.from(name),
});
const regular = (size: bigint): TreeEvent => ({
  type: 'regular',
  executable: false,
  size,
});
const data = (length: number): TreeEvent => ({
  type: 'data',
  bytes: new Uint8Array(length),
});

function check(events: Iterable<TreeEvent>): void {
  const grammar = new TreeGrammar();
  for (const event of events) grammar.accept(event);
  grammar.finish();
}

describe('TreeGrammar', () => {
  it.each<[string, TreeEvent[]]>([
    ['a symbolic link', [link]],
    ['an empty file', [regular(0n)]],
    ['an empty file with empty data', [regular(0n), data(0)]],
    ['a file in pieces', [regular(3n), data(1), data(0), data(2), data(0)]],
    ['an empty directory', [directory, end]],
    ['everything', [...eventsOf(COMPLICATED, 1)]],
    [
      'names in the order of bytes',
      [
        directory,
        ...['a', 'a-', 'a.', [0x61, 0xff], [0xff]].flatMap((name) => [
          entry(name),
          link,
        ]),
        end,
      ],
    ],
    [
      'a name that its parent has too',
      [directory, entry('a'), directory, entry('a'), link, end, end],
    ],
  ])('accepts %s', (_, events) => {
    expect(() => check(events)).not.toThrow();
  });

  it.each<[string, string, TreeEvent[]]>([
    ['castore/malformed-tree', 'nothing at all', []],
    ['castore/malformed-tree', 'a second root', [link, link]],
    [
      'castore/malformed-tree',
      'a second root directory',
      [directory, end, directory],
    ],
    ['castore/malformed-tree', 'an entry after the root', [link, entry('a')]],
    ['castore/malformed-tree', 'an end without a directory', [end]],
    ['castore/malformed-tree', 'one end too many', [directory, end, end]],
    ['castore/malformed-tree', 'a directory left open', [directory]],
    [
      'castore/malformed-tree',
      'an entry without a node',
      [directory, entry('a'), end],
    ],
    [
      'castore/malformed-tree',
      'two names for one node',
      [directory, entry('a'), entry('b')],
    ],
    ['castore/malformed-tree', 'a node without a name', [directory, link]],
    ['castore/malformed-tree', 'data before any node', [data(1)]],
    ['castore/malformed-tree', 'empty data before any node', [data(0)]],
    ['castore/malformed-tree', 'data in a directory', [directory, data(1)]],
    ['castore/malformed-tree', 'data after a link', [link, data(1)]],
    [
      'castore/malformed-tree',
      'data after the end of a directory',
      [directory, entry('a'), regular(0n), end, data(1)],
    ],
    ['castore/malformed-tree', 'a file of a negative size', [regular(-1n)]],
    [
      'castore/malformed-tree',
      'a file of more than 64 bits',
      [regular(1n << 64n)],
    ],
    ['castore/malformed-tree', 'an unknown event', [{ type: 'fifo' } as never]],
    ['castore/wrong-size', 'too much data', [regular(2n), data(3)]],
    [
      'castore/wrong-size',
      'data after the whole file',
      [regular(2n), data(2), data(1)],
    ],
    ['castore/wrong-size', 'data after an empty file', [regular(0n), data(1)]],
    ['castore/wrong-size', 'the end within a file', [regular(2n), data(1)]],
    [
      'castore/wrong-size',
      'an entry within a file',
      [directory, entry('a'), regular(2n), entry('b')],
    ],
    [
      'castore/wrong-size',
      'a huge file that stays away',
      [regular((1n << 64n) - 1n)],
    ],
    ['castore/invalid-name', 'an empty name', [directory, entry('')]],
    ['castore/invalid-name', 'the name .', [directory, entry('.')]],
    ['castore/invalid-name', 'the name ..', [directory, entry('..')]],
    ['castore/invalid-name', 'a name with a slash', [directory, entry('a/b')]],
    ['castore/invalid-name', 'a name with NUL', [directory, entry('a\0')]],
    [
      'castore/duplicate-name',
      'a name twice',
      [directory, entry('a'), link, entry('a')],
    ],
    [
      'castore/wrong-sorting',
      'names in descending order',
      [directory, entry('b'), link, entry('a')],
    ],
    [
      'castore/wrong-sorting',
      'names in the order of UTF-16',
      [
        directory,
        entry([0xf0, 0x9f, 0x98, 0x80]),
        link,
        entry([0xef, 0xbf, 0xbd]),
      ],
    ],
    [
      'castore/invalid-symlink-target',
      'a link to nowhere',
      [{ type: 'symlink', target: text('') }],
    ],
    [
      'castore/invalid-symlink-target',
      'a link with NUL',
      [{ type: 'symlink', target: text('a\0') }],
    ],
  ])('answers %s to %s', (code, _, events) => {
    expect(() => check(events)).toThrow(expect.objectContaining({ code }));
  });

  it('takes 100,000 levels', () => {
    const levels = 100_000;
    const events: TreeEvent[] = [directory];
    for (let i = 0; i < levels; i++) events.push(entry('a'), directory);
    for (let i = 0; i <= levels; i++) events.push(end);
    expect(() => check(events)).not.toThrow();
  });
});
