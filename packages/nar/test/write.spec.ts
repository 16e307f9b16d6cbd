import { describe, expect, it } from '@jest/globals';
import type { NarEvent } from '../src/event.ts';
import { NarWriter } from '../src/write.ts';
import { narErrorOf } from './support/outcome.ts';
import { encodeTree } from './support/plain-encoder.ts';
import { read, write } from './support/read.ts';
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

  it.each([65_536, 65_537, 300_000])(
    'writes names and targets of %i bytes where its limits let it',
    (bytes) => {
      const limits = { nameBytes: bytes, targetBytes: bytes };
      const long = bytesOf('x'.repeat(bytes));
      const events: NarEvent[] = [
        open,
        { type: 'entry', name: long },
        { type: 'symlink', target: long },
        end,
      ];
      const writer = new NarWriter({ limits });
      for (const event of events) writer.write(event);
      writer.finish();
      expect(read(writer.take(), { limits })).toEqual(events);
    },
  );

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

  it('hands each buffer on once that it was given, whatever was in it', () => {
    const given: Uint8Array[] = [];
    const writer = new NarWriter({
      allocate: () => {
        given.push(new Uint8Array(64 * 1024).fill(0xff));
        return given.at(-1)!;
      },
    });
    const tree = directory({
      a: file('x'.repeat(60_000)),
      b: file('y'.repeat(40_001)),
      c: file('some bytes'),
      d: link('somewhere'),
    });
    for (const event of eventsOf(tree)) writer.write(event);
    writer.flush();
    writer.finish();
    const chunks = writer.take();
    expect(Buffer.compare(Buffer.concat(chunks), encodeTree(tree))).toBe(0);
    const used = chunks.filter(({ buffer }) =>
      given.some((one) => one.buffer === buffer),
    );
    expect(new Set(used.map(({ buffer }) => buffer)).size).toBe(used.length);
    expect(used.length).toBe(given.length);
    for (const { byteOffset } of used) expect(byteOffset).toBe(0);
  });

  it('gives room for contents in their place', () => {
    const contents = 'contents, and more of them';
    const tree = directory({ a: file(contents), b: file('') });
    const writer = new NarWriter();
    for (const event of eventsOf(tree)) {
      if (event.type !== 'data' || event.bytes.length === 0) {
        writer.write(event);
        continue;
      }
      const first = writer.room(10)!;
      first.set(event.bytes.subarray(0, 10));
      writer.filled(10);
      // What was given room for may come another way after all.
      writer.room(event.bytes.length - 10)!.fill(0xff);
      writer.data(event.bytes.subarray(10));
    }
    writer.finish();
    expect(Buffer.compare(Buffer.concat(writer.take()), encodeTree(tree))).toBe(
      0,
    );
  });

  it('gives no room that is longer than a buffer, and goes on', () => {
    const contents = 'z'.repeat(64 * 1024 + 1);
    const writer = new NarWriter();
    writer.regular(false, BigInt(contents.length));
    expect(writer.room(contents.length)).toBeUndefined();
    writer.data(bytesOf(contents));
    writer.finish();
    expect(
      Buffer.compare(Buffer.concat(writer.take()), encodeTree(file(contents))),
    ).toBe(0);
  });

  it('gives no room for more than the file has', () => {
    const writer = new NarWriter();
    expect(narErrorOf(() => writer.room(1))).toMatchObject({
      code: 'nar/invalid-input',
    });
    writer.regular(false, 3n);
    expect(narErrorOf(() => writer.room(4))).toMatchObject({
      code: 'nar/invalid-input',
    });
    expect(narErrorOf(() => writer.filled(4))).toMatchObject({
      code: 'nar/invalid-input',
    });
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
