import { describe, expect, it } from '@jest/globals';
import {
  DIRECTORIES,
  DIRECTORY_COMPLICATED,
  EMPTY_BLOB,
  HELLO_WORLD,
} from '../../src/conformance/fixtures.ts';
import { Directory } from '../../src/node/directory.ts';
import { nodesEqual } from '../../src/node/node.ts';
import type { NamedNode, Node } from '../../src/node/node.ts';
import { symlinkTarget } from '../../src/node/symlink-target.ts';
import { pathComponent } from '../../src/path/path-component.ts';

const MAX_U64 = (1n << 64n) - 1n;
const { digest } = EMPTY_BLOB;
const directory = (name: string, size: bigint): NamedNode => ({
  name: pathComponent(name),
  node: { type: 'directory', digest, size },
});
const file = (name: string, size: bigint): NamedNode => ({
  name: pathComponent(name),
  node: { type: 'file', digest, size, executable: false },
});
const link = (name: string): NamedNode => ({
  name: pathComponent(name),
  node: { type: 'symlink', target: symlinkTarget('x') },
});

describe('Directory', () => {
  it.each(DIRECTORIES)('has the known digest: $name', (fixture) => {
    expect(fixture.directory.digest.toHex()).toBe(fixture.digest.toHex());
  });

  it('is one value where it is empty, with the digest of the empty blob', () => {
    expect(Directory.EMPTY.size).toBe(0n);
    expect(Directory.EMPTY.encode()).toHaveLength(0);
    expect(Directory.EMPTY.digest).toEqual(EMPTY_BLOB.digest);
  });

  it.each<[string, NamedNode[], bigint]>([
    ['an empty child', [directory('a', 0n)], 1n],
    ['a child of four', [directory('a', 4n)], 5n],
    ['a file, whatever its length', [file('a', 42n)], 1n],
    ['a link', [link('a')], 1n],
    ['all of them', [directory('a', 4n), file('b', 42n), link('c')], 7n],
    ['nearly too many', [directory('a', MAX_U64 - 1n)], MAX_U64],
  ])('counts %s', (_, nodes, size) => {
    expect(Directory.fromEntries(nodes).size).toBe(size);
  });

  it('rejects more elements than 64 bits count', () => {
    for (const nodes of [
      [directory('a', MAX_U64)],
      [directory('a', MAX_U64 / 2n), directory('b', MAX_U64 / 2n)],
    ])
      expect(() => Directory.fromEntries(nodes)).toThrow(
        expect.objectContaining({ code: 'castore/size-overflow' }),
      );
  });

  it('rejects sizes that the encoding has no place for', () => {
    for (const size of [-1n, MAX_U64 + 1n])
      for (const make of [directory, file])
        expect(() => Directory.fromEntries([make('a', size)])).toThrow(
          RangeError,
        );
  });

  it('orders nodes by the bytes of their names', () => {
    const names = ['\u{1f600}', '\ufffd', 'b', 'a.', 'a-', 'a', 'Z'];
    const entries = Directory.fromEntries(names.map(link)).entries;
    expect(entries.map(({ name }) => Buffer.from(name).toString())).toEqual([
      'Z',
      'a',
      'a-',
      'a.',
      'b',
      '\ufffd',
      '\u{1f600}',
    ]);
  });

  it('rejects a name twice, whatever has it', () => {
    for (const other of [directory('b', 0n), file('b', 1n), link('b')])
      expect(() =>
        Directory.fromEntries([link('a'), other, link('b')]),
      ).toThrow(expect.objectContaining({ code: 'castore/duplicate-name' }));
  });

  it('finds each of its nodes and nothing else', () => {
    const names = Array.from({ length: 100 }, (_, i) => `n${i * 3}`);
    const many = Directory.fromEntries(names.map((name) => link(name)));
    for (let i = 0; i < 300; i++)
      expect(many.get(Buffer.from(`n${i}`))?.type).toBe(
        i % 3 === 0 ? 'symlink' : undefined,
      );
    expect(many.get(new Uint8Array(0))).toBeUndefined();
    expect(Directory.EMPTY.get(Buffer.from('a'))).toBeUndefined();
  });

  it('tells its child directories alone', () => {
    expect([...DIRECTORY_COMPLICATED.directory.directories()]).toEqual([
      DIRECTORY_COMPLICATED.directory.get(Buffer.from('keep')),
    ]);
  });
});

describe('nodesEqual', () => {
  it('holds for the same content alone', () => {
    const other = HELLO_WORLD.digest;
    const nodes: Node[] = [
      { type: 'directory', digest, size: 1n },
      { type: 'directory', digest, size: 2n },
      { type: 'directory', digest: other, size: 1n },
      { type: 'file', digest, size: 1n, executable: false },
      { type: 'file', digest, size: 1n, executable: true },
      { type: 'file', digest, size: 2n, executable: false },
      { type: 'file', digest: other, size: 1n, executable: false },
      { type: 'symlink', target: symlinkTarget('a') },
      { type: 'symlink', target: symlinkTarget('b') },
    ];
    for (const [i, a] of nodes.entries())
      for (const [j, b] of nodes.entries())
        expect(nodesEqual(a, { ...b })).toBe(i === j);
  });
});

describe('symlinkTarget', () => {
  it('takes any bytes but NUL, and not none', () => {
    const bytes = Uint8Array.of(0xff, 0x2f, 0x2e, 0x2e);
    expect(symlinkTarget(bytes)).toBe(bytes);
    expect(Buffer.from(symlinkTarget('ä')).toString()).toBe('ä');
    for (const target of ['', '\0', 'foo\0', '\0foo'])
      expect(() => symlinkTarget(target)).toThrow(
        expect.objectContaining({ code: 'castore/invalid-symlink-target' }),
      );
  });
});
