import { describe, expect, it } from '@jest/globals';
import { Directory } from '../../src/node/directory.ts';
import { Directory as GeneratedDirectory } from '../../src/proto/index.ts';
import { MAX_U64 } from './directory-messages.ts';
import type { DirectoryMessage } from './directory-messages.ts';

describe('the rules of directories', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const DIGEST = new Uint8Array(32);
  const dir = (text: string, dirSize = 0n, dirDigest = DIGEST) => ({
    name: bytes(text),
    digest: dirDigest,
    size: dirSize,
  });
  const fileNode = (text: string, fileDigest = DIGEST) => ({
    name: bytes(text),
    digest: fileDigest,
    size: 0n,
    executable: false,
  });
  const link = (text: string, to = 'x') => ({
    name: bytes(text),
    target: bytes(to),
  });
  const SHORT = Uint8Array.of(0x00, 0x42);

  /** Decodes a message, and gives the error with that of the node, if it is one. */
  function failure(lists: Partial<DirectoryMessage>): unknown[] {
    const encoded = GeneratedDirectory.encode({
      directories: [],
      files: [],
      symlinks: [],
      ...lists,
    }).finish();
    try {
      Directory.decode(encoded);
    } catch (error) {
      const { code, details, cause } = error as {
        code: string;
        details: { name?: Uint8Array };
        cause?: { code: string };
      };
      const text = details.name && Buffer.from(details.name).toString();
      return [code, text, ...(cause === undefined ? [] : [cause.code])];
    }
    return [];
  }

  it.each<[string, Partial<DirectoryMessage>, unknown[]]>([
    [
      'a file that a directory is named as, before one that is invalid',
      { directories: [dir('a')], files: [fileNode('a'), fileNode('.')] },
      ['castore/duplicate-name', 'a'],
    ],
    [
      'an invalid directory, before a file that one is named as',
      { directories: [dir('a'), dir('.')], files: [fileNode('a')] },
      ['castore/invalid-node', '.', 'castore/invalid-name'],
    ],
    [
      'a directory without a name',
      { directories: [dir('')] },
      ['castore/invalid-node', '', 'castore/invalid-name'],
    ],
    [
      'a directory .',
      { directories: [dir('.')] },
      ['castore/invalid-node', '.', 'castore/invalid-name'],
    ],
    [
      'a file ..',
      { files: [fileNode('..')] },
      ['castore/invalid-node', '..', 'castore/invalid-name'],
    ],
    [
      'a link with NUL in its name',
      { symlinks: [link('\0')] },
      ['castore/invalid-node', '\0', 'castore/invalid-name'],
    ],
    [
      'a link with a slash in its name',
      { symlinks: [link('foo/bar')] },
      ['castore/invalid-node', 'foo/bar', 'castore/invalid-name'],
    ],
    [
      'a digest of two bytes',
      { directories: [dir('foo', 0n, SHORT)] },
      ['castore/invalid-node', 'foo', 'castore/invalid-digest-length'],
    ],
    [
      'a file without a digest',
      { files: [fileNode('foo', new Uint8Array(0))] },
      ['castore/invalid-node', 'foo', 'castore/invalid-digest-length'],
    ],
    [
      'a link to nothing',
      { symlinks: [link('foo', '')] },
      ['castore/invalid-node', 'foo', 'castore/invalid-symlink-target'],
    ],
    [
      'a link with NUL in its target',
      { symlinks: [link('foo', 'foo\0')] },
      ['castore/invalid-node', 'foo', 'castore/invalid-symlink-target'],
    ],
    [
      'directories out of order',
      { directories: [dir('b'), dir('a')] },
      ['castore/wrong-sorting', 'a'],
    ],
    [
      'directories of one name',
      { directories: [dir('a'), dir('a')] },
      ['castore/duplicate-name', 'a'],
    ],
    [
      'a directory and a file of one name',
      { directories: [dir('a')], files: [fileNode('a')] },
      ['castore/duplicate-name', 'a'],
    ],
    [
      'a file and a link of one name',
      { files: [fileNode('b')], symlinks: [link('a'), link('b')] },
      ['castore/duplicate-name', 'b'],
    ],
    [
      'a directory and a link of one name',
      {
        directories: [dir('b'), dir('c')],
        files: [fileNode('a')],
        symlinks: [link('c')],
      },
      ['castore/duplicate-name', 'c'],
    ],
    [
      'a child of 2^64-1 elements',
      { directories: [dir('foo', MAX_U64)] },
      ['castore/size-overflow', undefined],
    ],
    [
      'two children of half as many',
      { directories: [dir('a', MAX_U64 / 2n), dir('b', MAX_U64 / 2n)] },
      ['castore/size-overflow', undefined],
    ],
    [
      'a digest before a name',
      { directories: [dir('', 0n, SHORT)] },
      ['castore/invalid-node', '', 'castore/invalid-digest-length'],
    ],
    [
      'a target before a name',
      { symlinks: [link('/', '')] },
      ['castore/invalid-node', '/', 'castore/invalid-symlink-target'],
    ],
    [
      'a node before its order',
      { directories: [dir('b'), dir('a', 0n, SHORT)] },
      ['castore/invalid-node', 'a', 'castore/invalid-digest-length'],
    ],
    [
      'the order before a name of another list',
      { directories: [dir('a')], files: [fileNode('b'), fileNode('a')] },
      ['castore/wrong-sorting', 'a'],
    ],
    [
      'directories before files',
      { directories: [dir('b'), dir('a')], files: [fileNode('')] },
      ['castore/wrong-sorting', 'a'],
    ],
    [
      'files before links',
      { files: [fileNode('')], symlinks: [link('b'), link('a')] },
      ['castore/invalid-node', '', 'castore/invalid-name'],
    ],
    [
      'all lists before the sum of sizes',
      { directories: [dir('a', MAX_U64)], symlinks: [link('a')] },
      ['castore/duplicate-name', 'a'],
    ],
  ])('reports %s', (_, lists, expected) => {
    expect(failure(lists)).toEqual(expected);
  });

  it.each<[string, Partial<DirectoryMessage>]>([
    ['a child of 2^64-2 elements', { directories: [dir('a', MAX_U64 - 1n)] }],
    [
      'links that come before directories by name',
      { directories: [dir('b'), dir('c')], symlinks: [link('a')] },
    ],
    [
      'names that are a prefix of others',
      {
        directories: [dir('a')],
        files: [fileNode('aa')],
        symlinks: [link('aaa')],
      },
    ],
  ])('accepts %s', (_, lists) => {
    expect(failure(lists)).toEqual([]);
  });
});
