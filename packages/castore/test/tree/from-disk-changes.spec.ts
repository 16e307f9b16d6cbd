import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { seededBytes } from '../../src/conformance/random.ts';
import { treeFromDiskSync } from '../../src/tree/from-disk.ts';
import { useTemporaryDirectory } from './temporary-directory.ts';

const temporary = useTemporaryDirectory();
const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describe('treeFromDisk, while somebody changes the disk,', () => {
  const LARGE = 4 * 1024 * 1024;

  /** Reads a directory with a large file `a` and, after the first batch, has somebody do something. */
  function readWhile(disturb: (path: string) => void): () => void {
    mkdirSync(join(temporary(), 'sub'));
    const path = join(temporary(), 'sub', 'a');
    writeFileSync(path, seededBytes(LARGE, 1));
    writeFileSync(join(temporary(), 'sub', 'b'), 'b');
    return () => {
      let isFirst = true;
      for (const batch of treeFromDiskSync(temporary())) {
        void batch;
        if (isFirst) disturb(path);
        isFirst = false;
      }
    };
  }

  it.each<[string, (path: string) => void]>([
    ['grows', (path) => appendFileSync(path, 'x')],
    ['shrinks', (path) => truncateSync(path, 100)],
    ['is touched', (path) => utimesSync(path, 1, 1)],
    ['changes its mode', (path) => chmodSync(path, 0o700)],
  ])('rejects a file that %s', (_, disturb) => {
    const before = openDescriptors();
    expect(readWhile(disturb)).toThrow(
      expect.objectContaining({
        code: 'castore/file-changed',
        details: { path: Buffer.from(join(temporary(), 'sub', 'a')) },
      }),
    );
    expect(openDescriptors()).toBe(before);
  });

  it('does not follow a link that has taken the place of a file', () => {
    expect(
      readWhile((path) => {
        rmSync(join(path, '../b'));
        symlinkSync('/etc/passwd', join(path, '../b'));
      }),
    ).toThrow(expect.objectContaining({ code: 'castore/unable-to-open' }));
  });

  it('does not wait at a pipe that has taken the place of a file', () => {
    expect(
      readWhile((path) => {
        rmSync(join(path, '../b'));
        execFileSync('mkfifo', [join(path, '../b')]);
      }),
    ).toThrow(expect.objectContaining({ code: 'castore/file-changed' }));
  });

  it('rejects a file that has gone', () => {
    expect(readWhile((path) => rmSync(join(path, '../b')))).toThrow(
      expect.objectContaining({ code: 'castore/unable-to-open' }),
    );
  });

  it('rejects a directory or a link that has gone', () => {
    mkdirSync(join(temporary(), 'sub'));
    for (const [name, make, code] of [
      ['c', mkdirSync, 'castore/unable-to-stat'],
      ['d', (path: string) => symlinkSync('x', path), 'castore/unable-to-read'],
    ] as const) {
      const path = join(temporary(), 'sub', name);
      make(path);
      writeFileSync(join(temporary(), 'sub', 'a'), new Uint8Array(LARGE));
      const read = (): void => {
        for (const batch of treeFromDiskSync(temporary())) {
          void batch;
          rmSync(path, { recursive: true, force: true });
        }
      };
      expect(read).toThrow(
        expect.objectContaining({
          code,
          details: { path: Buffer.from(path) },
        }),
      );
    }
  });

  it('rejects a directory that was swapped for another', () => {
    expect(
      readWhile((path) => {
        renameSync(join(path, '..'), join(path, '../../old'));
        mkdirSync(join(path, '..'));
        writeFileSync(join(path, '../b'), 'another');
      }),
    ).toThrow(expect.objectContaining({ code: 'castore/file-changed' }));
  });
});
