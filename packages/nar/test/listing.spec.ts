import { describe, expect, it } from '@jest/globals';
import { listNar } from '../src/list.ts';
import { NarLister, type NarListerOptions } from '../src/listing.ts';
import { parseNar } from '../src/parse-stream.ts';
import { encodeTree } from './support/plain-encoder.ts';
import {
  bytesOf,
  directory,
  eventsOf,
  file,
  link,
  type Tree,
} from './support/tree.ts';

function list(tree: Tree, options?: NarListerOptions): string {
  const lister = new NarLister(options);
  lister.push(eventsOf(tree).filter(({ type }) => type !== 'data'));
  lister.finish();
  return Buffer.concat(lister.take()).toString('utf8');
}

/** A name or target, given one character a byte, as it stands in the listing. */
function printed(text: string): string {
  return list(link(text)).slice(
    '{"type":"symlink","target":"'.length,
    -'"}'.length,
  );
}

describe('NarLister', () => {
  // The expected texts are what `nix nar ls --json` of Nix 2.8.0 prints for these trees.
  const TREE = directory({
    empty: file(''),
    emptydir: directory(),
    exe: file('x', true),
    hello: file('Hello World!'),
    link: link('tar"get\\back'),
    sub: directory({ f: file('123456789') }),
  });

  it('prints a tree as Nix does', () => {
    expect(list(TREE)).toBe(
      '{"type":"directory","entries":{"empty":{"type":"regular","size":0,"narOffset":232},' +
        '"emptydir":{"type":"directory","entries":{}},' +
        '"exe":{"type":"regular","size":1,"executable":true,"narOffset":616},' +
        '"hello":{"type":"regular","size":12,"narOffset":808},' +
        '"link":{"type":"symlink","target":"tar\\"get\\\\back"},' +
        '"sub":{"type":"directory","entries":{"f":{"type":"regular","size":9,"narOffset":1344}}}}}',
    );
  });

  it('prints the names of the root alone when it does not recurse', () => {
    expect(list(TREE, { recursive: false })).toBe(
      '{"type":"directory","entries":{"empty":{},"emptydir":{},"exe":{},"hello":{},"link":{},"sub":{}}}',
    );
  });

  it.each([true, false])(
    'prints a root that is no directory (recursive: %s)',
    (recursive) => {
      expect(list(file('Hello World!'), { recursive })).toBe(
        '{"type":"regular","size":12,"narOffset":96}',
      );
      expect(list(link('foo'), { recursive })).toBe(
        '{"type":"symlink","target":"foo"}',
      );
      expect(list(directory(), { recursive })).toBe(
        '{"type":"directory","entries":{}}',
      );
    },
  );

  it('puts the tree below a version in the form of a binary cache', () => {
    expect(list(link('foo'), { form: 'ls-file' })).toBe(
      '{"version":1,"root":{"type":"symlink","target":"foo"}}',
    );
  });

  it('escapes as Nix does', () => {
    expect(printed('a"\\\n\r\t/')).toBe('a\\"\\\\\\n\\r\\t/');
    expect(printed('\x01\b\f\x1b\x7f')).toBe(
      '\\u0001\\u0008\\u000c\\u001b\x7f',
    );
  });

  it.each(['ü', '\u2028', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}'])(
    'leaves %j as it is',
    (character) => {
      expect(printed(Buffer.from(character).toString('latin1'))).toBe(
        character,
      );
    },
  );

  it.each([
    ['a lone byte', 'a\xff', 'a\\udcff'],
    ['a continuation byte', '\x80b', '\\udc80b'],
    ['a cut sequence', '\xe2\x82', '\\udce2\\udc82'],
    ['a sequence that something interrupts', '\xc3a', '\\udcc3a'],
    ['an overlong form', '\xc0\xaf', '\\udcc0\\udcaf'],
    ['an overlong form of three', '\xe0\x80\x80', '\\udce0\\udc80\\udc80'],
    [
      'an overlong form of four',
      '\xf0\x8f\xbf\xbf',
      '\\udcf0\\udc8f\\udcbf\\udcbf',
    ],
    ['a surrogate', '\xed\xa0\x80', '\\udced\\udca0\\udc80'],
    [
      'a code point beyond Unicode',
      '\xf4\x90\x80\x80',
      '\\udcf4\\udc90\\udc80\\udc80',
    ],
  ])('writes %s as lone surrogates', (_what, bytes, expected) => {
    expect(printed(bytes)).toBe(expected);
    expect(() => JSON.parse(`"${expected}"`) as unknown).not.toThrow();
  });

  it('says of every file where the parser finds its contents', async () => {
    const tree = directory({
      a: directory({
        deep: directory({ er: file('1', true), es: link('elsewhere') }),
        x: file('22'),
      }),
      b: file('4444'.repeat(1000)),
      c: directory(),
      dd: file('', true),
      e: file('5'),
    });
    const offsets: number[] = [];
    for await (const events of parseNar([encodeTree(tree)])) {
      for (const event of events)
        if (event.type === 'regular') offsets.push(event.offset);
    }
    expect(
      [...list(tree).matchAll(/"narOffset":(\d+)/g)].map(([, offset]) =>
        Number(offset),
      ),
    ).toEqual(offsets);
  });

  it('hands text out in pieces while it goes on', async () => {
    const names = Array.from(
      { length: 5000 },
      (_, i) => `file-${String(i).padStart(6, '0')}`,
    );
    const tree = directory(
      Object.fromEntries(names.map((name) => [name, file('x')])),
    );
    const chunks: Uint8Array[] = [];
    for await (const chunk of listNar(
      parseNar([encodeTree(tree)], { contents: 'skip' }),
    ))
      chunks.push(chunk);
    expect(chunks.length).toBeGreaterThan(2);
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(
      64 * 1024,
    );
    const listing = JSON.parse(Buffer.concat(chunks).toString()) as {
      entries: object;
    };
    expect(Object.keys(listing.entries)).toEqual(names);
  });

  it('prints a size beyond 2^53 exactly', () => {
    const lister = new NarLister();
    lister.push([{ type: 'regular', executable: false, size: 2n ** 64n - 1n }]);
    lister.finish();
    expect(Buffer.concat(lister.take()).toString()).toContain(
      '"size":18446744073709551615,',
    );
  });

  it('takes a target of the greatest length, all of it escaped', () => {
    expect(JSON.parse(`"${printed('\x01'.repeat(4095))}"`)).toBe(
      String.fromCharCode(...bytesOf('\x01'.repeat(4095))),
    );
  });
});
