import {
  lstatSync,
  mkdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { plainLstat } from '../../src/tree/lstat.ts';
import type { Lstat } from '../../src/tree/lstat.ts';
import { openLstat } from '../../src/tree/open-lstat.ts';
import { useTemporaryDirectory } from './temporary-directory.ts';

const temporary = useTemporaryDirectory();

/** The path in a buffer that holds something else behind it. */
function look(lstat: Lstat, path: string | Buffer): unknown {
  const bytes = Buffer.from(path);
  const found = lstat(
    Buffer.concat([bytes, Buffer.from('/behind')]),
    bytes.length,
  );
  if (found === undefined) return undefined;
  const { dev, ino, size, mtimeMs, ctimeMs, mode } = found;
  return { dev, ino, size, mtimeMs, ctimeMs, mode };
}

describe.each<[string, Lstat]>([
  ['the quickest lstat of this machine', openLstat()],
  ['the lstat of Node', plainLstat],
])('%s', (_, lstat) => {
  it('finds what lstatSync finds', () => {
    const at = (name: string): string => join(temporary(), name);
    writeFileSync(at('file'), 'some bytes', { mode: 0o751 });
    writeFileSync(at('large'), '');
    truncateSync(at('large'), 5 * 2 ** 32 + 7);
    writeFileSync(at('old'), '');
    utimesSync(at('old'), -86_400.5, -86_400.5);
    utimesSync(at('large'), 2 ** 32 + 0.25, 2 ** 32 + 0.25);
    mkdirSync(at('directory'));
    symlinkSync('file', at('link'));
    const paths = ['file', 'large', 'old', 'directory', 'link'].map(at);
    for (const path of [...paths, '/', '/proc/self', '/dev/null', '/sys']) {
      const { dev, ino, size, mtimeMs, ctimeMs, mode } = lstatSync(path);
      const expected = { dev, ino, size, mtimeMs, ctimeMs, mode };
      // The times of what lies in /proc are made when it is looked at.
      if (path.startsWith('/proc'))
        expect(look(lstat, path)).toMatchObject({ dev, mode });
      else expect(look(lstat, path)).toEqual(expected);
    }
  });

  it('takes names that are no UTF-8', () => {
    const path = Buffer.concat([
      Buffer.from(`${temporary()}/`),
      Buffer.of(0x6e, 0xff, 0xfe),
    ]);
    writeFileSync(path, 'four');
    expect(look(lstat, path)).toMatchObject({ size: 4 });
  });

  it('answers undefined for what is not there', () => {
    expect(look(lstat, join(temporary(), 'nothing'))).toBeUndefined();
    expect(look(lstat, '')).toBeUndefined();
  });
});
