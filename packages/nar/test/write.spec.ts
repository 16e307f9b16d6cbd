import { describe, expect, it } from '@jest/globals';
import type { NarEvent } from '../src/event.ts';
import { NarWriter } from '../src/write.ts';
import { narErrorOf } from './support/outcome.ts';
import { encodeTree } from './support/plain-encoder.ts';
import { write } from './support/read.ts';
import { bytesOf, directory, eventsOf, file, link } from './support/tree.ts';

const open: NarEvent = { type: 'directory' };
const end: NarEvent = { type: 'end' };
const entry = (name: string): NarEvent => ({
  type: 'entry',
  name: bytesOf(name),
});
const symlink = (target: string): NarEvent => ({
  type: 'symlink',
  target: bytesOf(target),
});
const regular = (size: bigint): NarEvent => ({
  type: 'regular',
  executable: false,
  size,
});
const data = (text: string): NarEvent => ({
  type: 'data',
  bytes: bytesOf(text),
});

type Refusal = [what: string, events: NarEvent[], code: string];

const REFUSED: readonly Refusal[] = [
  ['no tree', [], 'nar/invalid-input'],
  ['two roots', [symlink('a'), symlink('a')], 'nar/invalid-input'],
  ['an entry outside a directory', [entry('a')], 'nar/invalid-input'],
  ['an end outside a directory', [end], 'nar/invalid-input'],
  ['a node without an entry', [open, symlink('a')], 'nar/invalid-input'],
  ['an entry without a node', [open, entry('a'), end], 'nar/invalid-input'],
  ['two entries in a row', [open, entry('a'), entry('b')], 'nar/invalid-input'],
  ['a directory that is not closed', [open], 'nar/invalid-input'],
  ['data outside a file', [open, data('x')], 'nar/invalid-input'],
  ['data after an empty file', [regular(0n), data('x')], 'nar/invalid-input'],
  ['more data than announced', [regular(2n), data('abc')], 'nar/invalid-input'],
  [
    'less data than announced at the end',
    [regular(4n), data('abc')],
    'nar/unexpected-eof',
  ],
  [
    'less data than announced before an entry',
    [open, entry('a'), regular(4n), entry('b')],
    'nar/unexpected-eof',
  ],
  ...['', '.', '..', 'a/b', 'a\0', 'a'.repeat(256)].map((name): Refusal => [
    `a name ${JSON.stringify(name).slice(0, 8)}`,
    [open, entry(name)],
    'nar/invalid-name',
  ]),
  [
    'a name twice',
    [open, entry('a'), symlink('t'), entry('a')],
    'nar/unordered-entries',
  ],
  [
    'names that descend',
    [open, entry('b'), symlink('t'), entry('a')],
    'nar/unordered-entries',
  ],
  ['an empty target', [symlink('')], 'nar/invalid-target'],
  ['a target with a NUL', [symlink('a\0')], 'nar/invalid-target'],
  ['a target of 4096 bytes', [symlink('t'.repeat(4096))], 'nar/invalid-target'],
  [
    '65 levels',
    Array.from({ length: 65 }, () => [open, entry('d')]).flat(),
    'nar/too-deep',
  ],
];

describe('NarWriter', () => {
  it.each(REFUSED)('refuses %s', (_what, events, code) => {
    expect(narErrorOf(() => write(events)).code).toBe(code);
  });

  it('refuses a size that no 64 bits hold', () => {
    expect(() => write([regular(-1n)])).toThrow(RangeError);
    expect(() => write([regular(2n ** 64n)])).toThrow(RangeError);
  });

  it('announces sizes beyond 32 bits', () => {
    const writer = new NarWriter();
    writer.regular(true, 0x1234_5678_9abcn);
    expect(writer.bytesWritten).toBe(24 + 104);
    expect(narErrorOf(() => writer.finish()).message).toContain(
      String(0x1234_5678_9abcn),
    );
  });

  it('takes data in any pieces, empty ones included', () => {
    const pieces = [
      regular(6n),
      data(''),
      data('ab'),
      data(''),
      data('cdef'),
      data(''),
    ];
    expect(write(pieces)).toEqual(encodeTree(file('abcdef')));
  });

  it('starts the order of names anew in every directory', () => {
    const tree = directory({
      b: directory({ a: link('t') }),
      c: directory({ a: link('t') }),
    });
    expect(write(eventsOf(tree))).toEqual(encodeTree(tree));
  });

  it('does not keep the memory of names', () => {
    const name = Buffer.from('b');
    const writer = new NarWriter();
    writer.directory();
    writer.entry(name);
    name[0] = 0x7a;
    writer.symlink(bytesOf('t'));
    expect(() => writer.entry(bytesOf('c'))).not.toThrow();
  });

  it('hands large data on without copying it', () => {
    const large = new Uint8Array(32 * 1024).fill(7);
    const writer = new NarWriter();
    writer.regular(false, BigInt(large.length));
    writer.data(large);
    expect(writer.take()[1]).toBe(large);
    writer.finish();
    expect(writer.take().map(({ length }) => length)).toEqual([16]);
    expect(writer.bytesWritten).toBe(96 + large.length + 16);
  });

  it('gathers small pieces into buffers of 64 KiB', () => {
    const names = Array.from(
      { length: 2000 },
      (_, i) => [String(i).padStart(5, '0'), file('some bytes')] as const,
    );
    const tree = directory(
      Object.fromEntries(names.map(([name, node]) => [`f${name}`, node])),
    );
    const writer = new NarWriter();
    for (const event of eventsOf(tree)) writer.write(event);
    writer.finish();
    const chunks = writer.take();
    expect(
      Math.min(...chunks.slice(0, -1).map(({ length }) => length)),
    ).toBeGreaterThan(65_000);
    expect(Buffer.compare(Buffer.concat(chunks), encodeTree(tree))).toBe(0);
    expect(writer.take()).toEqual([]);
  });
});
