import { describe, expect, it } from '@jest/globals';
import type { NarErrorCode } from '../src/errors.ts';
import { NarParser } from '../src/parse.ts';
import { type ArchiveVectors, vectors } from './support/fixtures.ts';
import { narErrorOf } from './support/outcome.ts';
import { encodeTree, str } from './support/plain-encoder.ts';
import { cut, read } from './support/read.ts';
import {
  bytesOf,
  directory,
  eventsOf,
  file,
  link,
  type Tree,
} from './support/tree.ts';

const { dumps } = vectors<ArchiveVectors>('archives');
const SYMLINK = Uint8Array.from(Buffer.from(dumps.symlink, 'hex'));
const HELLO = Uint8Array.from(Buffer.from(dumps.helloworld, 'hex'));

function altered(
  archive: Uint8Array,
  offset: number,
  byte: number | string,
): Uint8Array {
  const copy = archive.slice();
  copy[offset] = typeof byte === 'string' ? byte.charCodeAt(0) : byte;
  return copy;
}

function raw(...words: readonly string[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(words.map(str)));
}

function entries(...names: readonly string[]): Tree {
  return { entries: names.map((name) => [name, file('')] as const) };
}

/** A root directory with `levels - 2` directories around one file. */
function nested(levels: number): Tree {
  let tree = file('');
  for (let level = 1; level < levels; level++) tree = directory({ d: tree });
  return tree;
}

function verdict(archive: Uint8Array): string {
  const error = narErrorOf(() => read([archive]));
  return `${error.kind}: ${error.code}`;
}

type Refusal = [what: string, archive: Uint8Array, code: NarErrorCode];

const REFUSED: readonly Refusal[] = [
  ['no bytes', new Uint8Array(), 'nar/unexpected-eof'],
  [
    'a symlink without its last byte',
    SYMLINK.subarray(0, -1),
    'nar/unexpected-eof',
  ],
  ['a symlink cut to 56 bytes', SYMLINK.subarray(0, 56), 'nar/unexpected-eof'],
  [
    'a file announced with 2^40 bytes',
    altered(altered(HELLO, 88, 0), 93, 1),
    'nar/unexpected-eof',
  ],
  [
    'a file announced with 2^64 - 8 bytes',
    altered(HELLO, 88, 0xf8).fill(0xff, 89, 96),
    'nar/unexpected-eof',
  ],
  [
    'an entry without its end',
    encodeTree(entries('a')).subarray(0, -32),
    'nar/unexpected-eof',
  ],
  [
    'a wrong length of the magic',
    altered(SYMLINK, 0, 0x0c),
    'nar/invalid-data',
  ],
  ['a wrong byte of the magic', altered(SYMLINK, 20, '2'), 'nar/invalid-data'],
  ['a wrong padding of the magic', altered(SYMLINK, 21, 1), 'nar/invalid-data'],
  ['a wrong byte of a type', altered(SYMLINK, 70, 'K'), 'nar/invalid-data'],
  [
    'a node that does not close',
    altered(SYMLINK, 128, '('),
    'nar/invalid-data',
  ],
  ['a short foreign file', bytesOf('<html>'), 'nar/invalid-data'],
  [
    'a file without contents',
    raw('nix-archive-1', '(', 'type', 'regular', ')', ')'),
    'nar/invalid-data',
  ],
  [
    'an executable marker with a value',
    raw(
      'nix-archive-1',
      '(',
      'type',
      'regular',
      'executable',
      'x',
      'contents',
      '',
      ')',
    ),
    'nar/invalid-data',
  ],
  [
    'an unknown type',
    raw('nix-archive-1', '(', 'type', 'fifo', ')', ')'),
    'nar/invalid-data',
  ],
  [
    'a length that wraps around',
    altered(SYMLINK, 88, 0xf8).fill(0xff, 89, 96),
    'nar/invalid-target',
  ],
  ['an empty target', encodeTree(link('')), 'nar/invalid-target'],
  ['a target with a NUL', encodeTree(link('a\0b')), 'nar/invalid-target'],
  [
    'a target of 4096 bytes',
    encodeTree(link('t'.repeat(4096))),
    'nar/invalid-target',
  ],
  [
    'a target padded with other than zeros',
    altered(encodeTree(link('abc')), 103, 1),
    'nar/invalid-padding',
  ],
  [
    'contents padded with other than zeros',
    altered(HELLO, 108, 1),
    'nar/invalid-padding',
  ],
  [
    'a name padded with other than zeros',
    altered(encodeTree(entries('abc')), 142, 1),
    'nar/invalid-padding',
  ],
  ...['', '.', '..', 'a/b', '/', 'a\0', 'a'.repeat(256)].map(
    (name): Refusal => [
      `an entry named ${JSON.stringify(name).slice(0, 12)}`,
      encodeTree(entries(name)),
      'nar/invalid-name',
    ],
  ),
  ['a name twice', encodeTree(entries('a', 'a')), 'nar/unordered-entries'],
  [
    'names that descend',
    encodeTree(entries('b', 'a')),
    'nar/unordered-entries',
  ],
  [
    'names ordered as signed bytes',
    encodeTree(entries('\xff', 'a')),
    'nar/unordered-entries',
  ],
  [
    'a name before its own prefix',
    encodeTree(entries('ab', 'a')),
    'nar/unordered-entries',
  ],
  ['65 levels', encodeTree(nested(65)), 'nar/too-deep'],
  [
    'bytes after the root node',
    Uint8Array.from([...SYMLINK, ...new Uint8Array(8)]),
    'nar/trailing-data',
  ],
];

const ACCEPTED: readonly [what: string, tree: Tree][] = [
  ['a target of 4095 bytes', link('t'.repeat(4095))],
  ['a name of 255 bytes', entries('a'.repeat(255))],
  ['a name that is no UTF-8', entries('\xff')],
  ['names that share a prefix', entries('a', 'a-', 'a.')],
  ['names that start with dots', entries('...', '..a', '.a')],
  ['names ordered as unsigned bytes', entries('a', '\x7f', '\x80', '\xff')],
  ['64 levels', nested(64)],
];

describe('NarParser', () => {
  it.each(REFUSED)('refuses %s', (_what, archive, code) => {
    expect(verdict(archive)).toBe(
      `${code === 'nar/unexpected-eof' ? 'unexpected-eof' : 'invalid-data'}: ${code}`,
    );
  });

  it.each(ACCEPTED)('accepts %s', (_what, tree) => {
    expect(read([encodeTree(tree)])).toEqual(eventsOf(tree));
  });

  it.each([13, 16])(
    'takes the padding for contents when the length says %i',
    (length) => {
      expect(read([altered(HELLO, 88, length)])[1]).toEqual({
        type: 'data',
        bytes: HELLO.slice(96, 96 + length),
      });
    },
  );

  it('gives the same verdict however the bytes arrive', () => {
    for (const [, archive, code] of REFUSED) {
      expect(
        narErrorOf(() =>
          read(Array.from(archive, (byte) => Uint8Array.of(byte))),
        ).code,
      ).toBe(code);
    }
  });

  it('leaves bytes after the root node unread where they are allowed', () => {
    const parser = new NarParser({ trailing: 'ignore' });
    parser.push(Uint8Array.from([...SYMLINK, ...new Uint8Array(8)]));
    parser.finish();
    expect(parser.done).toBe(true);
    expect(parser.position).toBe(136);
  });

  it('reads 4208 bytes for a target of 4095', () => {
    expect(encodeTree(link('t'.repeat(4095)))).toHaveLength(4208);
  });

  it('hands out contents as views into the chunk', () => {
    const event = new NarParser().push(HELLO)[1];
    expect(
      event?.type === 'data' &&
        event.bytes.buffer === HELLO.buffer &&
        event.bytes.byteOffset,
    ).toBe(96);
  });

  it.each([
    ['chunk', (bytes: Uint8Array) => bytes],
    ['Buffer', (bytes: Uint8Array) => Buffer.from(bytes)],
  ])('keeps names and targets apart from the %s', (_what, make) => {
    const archive = make(encodeTree(directory({ name: link('target') })));
    const events = new NarParser().push(archive);
    archive.fill(0);
    expect(events).toEqual(eventsOf(directory({ name: link('target') })));
  });

  it('says where contents start and how far it is', () => {
    const parser = new NarParser();
    const [head, tail] = cut(HELLO, 100) as [Uint8Array, Uint8Array];
    expect(parser.push(head)[0]).toEqual({
      type: 'regular',
      executable: false,
      size: 12n,
      offset: 96,
    });
    expect(parser.position).toBe(100);
    expect(parser.contentsLeft).toBe(8);
    parser.push(tail);
    expect(parser.position).toBe(128);
  });

  it('passes over contents without a look when told to', () => {
    const parser = new NarParser({ contents: 'skip' });
    expect(parser.push(HELLO).map(({ type }) => type)).toEqual(['regular']);
    expect(parser.done).toBe(true);
  });

  it('goes on behind contents that its caller jumped over', () => {
    const parser = new NarParser({ contents: 'skip' });
    parser.push(HELLO.subarray(0, 96));
    parser.skip(5);
    parser.skip(7);
    parser.push(HELLO.subarray(108));
    parser.finish();
    expect(parser.position).toBe(128);
  });

  it('refuses to skip more than the contents', () => {
    const parser = new NarParser();
    expect(() => parser.skip(1)).toThrow(RangeError);
    parser.push(HELLO.subarray(0, 96));
    expect(() => parser.skip(13)).toThrow(RangeError);
    expect(() => parser.skip(-1)).toThrow(RangeError);
  });

  it('stays failed', () => {
    const parser = new NarParser();
    const failure = narErrorOf(() => parser.push(new Uint8Array(64)));
    expect(narErrorOf(() => parser.push(SYMLINK))).toBe(failure);
    expect(narErrorOf(() => parser.finish())).toBe(failure);
  });

  it('names the byte where the trouble starts', () => {
    expect(
      narErrorOf(() => read([altered(HELLO, 108, 1)])).details.position,
    ).toBe(108);
    expect(
      narErrorOf(() => read([SYMLINK.subarray(0, 100)])).details.position,
    ).toBe(100);
  });

  it('takes other limits', () => {
    const archive = encodeTree(directory({ abc: link('target') }));
    const limited = (limits: object) =>
      narErrorOf(() => read([archive], { limits })).code;
    expect(limited({ nameBytes: 2 })).toBe('nar/invalid-name');
    expect(limited({ targetBytes: 5 })).toBe('nar/invalid-target');
    expect(limited({ depth: 1 })).toBe('nar/too-deep');
    expect(
      read([encodeTree(nested(500))], { limits: { depth: 500 } }),
    ).toHaveLength(499 * 3 + 1);
  });
});
