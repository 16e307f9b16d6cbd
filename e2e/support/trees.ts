import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A generator of bytes that gives the same for the same seed (xorshift32; Marsaglia, 2003). */
export function seededBytes(seed: number, length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state >>> 0;
  }
  return Buffer.from(words.buffer, 0, length);
}

/** Trees of many shapes, each made below a folder under a name that a store path may have. */
export const SHAPES: Readonly<Record<string, (path: string) => void>> = {
  'empty-file': (path) => writeFileSync(path, ''),
  'hello.txt': (path) => writeFileSync(path, 'Hello World!'),
  'executable.sh': (path) => {
    writeFileSync(path, '#!/bin/sh\n');
    chmodSync(path, 0o755);
  },
  'group-executable-only': (path) => {
    writeFileSync(path, 'x');
    chmodSync(path, 0o674);
  },
  'dangling-link': (path) => symlinkSync('/nix/store/somewhereelse', path),
  'empty-directory': (path) => mkdirSync(path),
  complicated: (path) => {
    mkdirSync(join(path, 'keep'), { recursive: true });
    writeFileSync(join(path, '.keep'), '');
    writeFileSync(join(path, 'keep/.keep'), '');
    symlinkSync('/nix/store/somewhereelse', join(path, 'aa'));
  },
  // Where a name is another's beginning, and where bytewise order is not the order of a locale or of UTF-16.
  'sorted-names': (path) => {
    mkdirSync(path);
    for (const name of [
      'a',
      'a-',
      'a.',
      'aa',
      'B',
      'b',
      'ä',
      '~',
      '！',
      '😀',
      'test',
      'tested',
    ]) {
      writeFileSync(join(path, name), name);
    }
    mkdirSync(join(path, 'test.d'));
  },
  'names-that-are-not-text': (path) => {
    mkdirSync(path);
    const folder = Buffer.from(`${path}/`);
    for (const name of [
      [0xff],
      [0x01],
      [0x80, 0x81],
      [0x20],
      [0x0a],
      [0xc3, 0x28],
    ]) {
      writeFileSync(Buffer.concat([folder, Buffer.from(name)]), 'x');
    }
    symlinkSync(
      Buffer.from([0xfe, 0xff]),
      Buffer.concat([folder, Buffer.from('link')]),
    );
  },
  'padding-lengths': (path) => {
    mkdirSync(path);
    for (let length = 0; length <= 17; length++) {
      writeFileSync(join(path, 'n'.repeat(length + 1)), 'c'.repeat(length));
      symlinkSync('t'.repeat(length + 1), join(path, `link-${length}`));
    }
  },
  'longest-names': (path) => {
    mkdirSync(path);
    writeFileSync(join(path, 'n'.repeat(255)), '');
    symlinkSync('t'.repeat(4095), join(path, 'link'));
  },
  'deep-tree': (path) => {
    const names = Array.from({ length: 60 }, (_, depth) => `d${depth}`);
    mkdirSync(join(path, ...names), { recursive: true });
    writeFileSync(join(path, ...names, 'leaf'), 'deep');
  },
  'wide-directory': (path) => {
    mkdirSync(path);
    for (let i = 0; i < 2000; i++)
      writeFileSync(join(path, `entry-${i}`), `contents ${i % 7}`);
  },
  // Larger than a chunk, than a read and than a message; random, so that nothing of it compresses.
  'large-files': (path) => {
    mkdirSync(path);
    for (const [index, length] of [
      131_071, 131_072, 131_073, 524_288, 1_048_577, 9_999_999,
    ].entries()) {
      writeFileSync(join(path, `f${index}`), seededBytes(index + 1, length));
    }
    writeFileSync(join(path, 'zeros'), Buffer.alloc(5_000_000));
  },
};

/** Makes every shape below a folder; answers their paths. */
export function makeShapes(folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  return Object.entries(SHAPES).map(([name, make]) => {
    const path = join(folder, name);
    make(path);
    return path;
  });
}
