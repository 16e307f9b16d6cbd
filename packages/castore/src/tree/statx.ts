import { endianness } from 'node:os';
import { C_LIBRARY, openSystemLibrary } from '../system-library.ts';
import type { LibraryFunctions } from '../system-library.ts';
import type { Lstat } from './lstat.ts';

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_BASIC_STATS = 0x7ff;

/** `struct statx`, which is the same on all machines: places of 32-bit words. */
const STATX_WORDS = 64;
const MODE = 7;
const INODE = 8;
const SIZE = 10;
const CHANGED = 24;
const MODIFIED = 28;
const DEVICE = 34;

/** A time: 64 bits of seconds, 32 of nanoseconds. */
const NANOSECONDS = 2;

let opened: Lstat | undefined;

/** `statx(2)` of a Linux system ({@link openSystemLibrary}); `undefined` where it can't be called. */
export function openStatx(): Lstat | undefined {
  if (endianness() !== 'LE') return undefined;
  return (opened ??= openSystemLibrary(C_LIBRARY, bind));
}

function bind(call: LibraryFunctions): Lstat {
  const statx = call(
    'int statx(int, const uint8_t *, int, unsigned int, uint32_t *)',
  );
  const words = new Uint32Array(STATX_WORDS);
  const found = { dev: 0, ino: 0, size: 0, mtimeMs: 0, ctimeMs: 0, mode: 0 };
  return (path, length) => {
    path[length] = 0;
    const flags = AT_SYMLINK_NOFOLLOW;
    const status = statx(AT_FDCWD, path, flags, STATX_BASIC_STATS, words);
    if (status !== 0) return undefined;
    found.dev = deviceOf(words[DEVICE]!, words[DEVICE + 1]!);
    found.ino = longAt(words, INODE);
    found.size = longAt(words, SIZE);
    found.mtimeMs = millisecondsAt(words, MODIFIED);
    found.ctimeMs = millisecondsAt(words, CHANGED);
    found.mode = words[MODE]! & 0xffff;
    return found;
  };
}

function longAt(words: Uint32Array, at: number): number {
  return words[at + 1]! * 2 ** 32 + words[at]!;
}

/** As Node makes them, so that both compare. */
function millisecondsAt(words: Uint32Array, at: number): number {
  // Times before 1970 are negative.
  const seconds = (words[at + 1]! | 0) * 2 ** 32 + words[at]!;
  return seconds * 1000 + words[at + NANOSECONDS]! / 1_000_000;
}

/** As the C library puts the two numbers of a device together, and Node has them. */
function deviceOf(major: number, minor: number): number {
  const high = Math.floor(major / 2 ** 12) * 2 ** 44;
  const middle = Math.floor(minor / 2 ** 8) * 2 ** 20;
  return high + middle + (major % 2 ** 12) * 2 ** 8 + (minor % 2 ** 8);
}
