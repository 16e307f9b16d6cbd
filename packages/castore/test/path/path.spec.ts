import { describe, expect, it } from '@jest/globals';
import {
  isPathComponent,
  pathComponent,
  quoteBytes,
} from '../../src/path/path-component.ts';
import { splitPath } from '../../src/path/path.ts';

const names = (path: string | Uint8Array): string[] =>
  splitPath(path).map((name) => Buffer.from(name).toString('latin1'));

describe('pathComponent', () => {
  it.each(['a', '...', '.a', 'a.', '..a', ' ', '\\', 'ä', 'x'.repeat(5000)])(
    'takes %j',
    (name) => {
      expect(Buffer.from(pathComponent(name)).toString()).toBe(name);
    },
  );

  it('takes bytes that are no UTF-8, as they are', () => {
    const bytes = Uint8Array.of(0xff, 0xc0, 0x01);
    expect(pathComponent(bytes)).toBe(bytes);
  });

  it.each(['', '.', '..', '/', 'a/', '/a', 'a/b', '\0', 'a\0b'])(
    'rejects %j',
    (name) => {
      expect(isPathComponent(Buffer.from(name))).toBe(false);
      expect(() => pathComponent(name)).toThrow(
        expect.objectContaining({ code: 'castore/invalid-name' }),
      );
    },
  );
});

describe('splitPath', () => {
  it.each<[string, string[]]>([
    ['', []],
    ['/', []],
    ['//', []],
    ['.', []],
    ['./.', []],
    ['a', ['a']],
    ['/a', ['a']],
    ['a/', ['a']],
    ['//a//b//', ['a', 'b']],
    ['./a/./b/.', ['a', 'b']],
    ['.a/b.', ['.a', 'b.']],
    ['...', ['...']],
  ])('splits %j', (path, expected) => {
    expect(names(path)).toEqual(expected);
  });

  it('splits bytes that are no UTF-8', () => {
    expect(names(Uint8Array.of(0xff, 0x2f, 0xfe))).toEqual(['\xff', '\xfe']);
  });

  it.each(['..', 'a/..', '../a', 'a/../b', 'a\0', 'a/\0/b'])(
    'rejects %j',
    (path) => {
      expect(() => splitPath(path)).toThrow(
        expect.objectContaining({ code: 'castore/invalid-name' }),
      );
    },
  );
});

describe('quoteBytes', () => {
  it('quotes text, escapes what does not print, and shows bytes that are no text in hex', () => {
    expect(quoteBytes(Buffer.from('a"b'))).toBe('"a\\"b"');
    expect(quoteBytes(Buffer.from('a\nb'))).toBe('"a\\nb"');
    expect(quoteBytes(Buffer.from('ä'))).toBe('"ä"');
    expect(quoteBytes(Uint8Array.of(0x61, 0xff, 0x0a))).toBe('"a\\xff\\x0a"');
  });
});
