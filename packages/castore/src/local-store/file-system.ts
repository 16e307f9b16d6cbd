import fs from 'node:fs';
import { promisify } from 'node:util';

/**
 * The calls through which the engine writes packs: the seam where tests let a disk fill up or fail.
 *
 * The asynchronous calls are those that may wait for the device; reads are synchronous, see `pack-reader.ts`.
 */
export interface FileSystem {
  openSync(path: string, flags: string): number;
  closeSync(fd: number): void;
  readSync(
    fd: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): number;
  /** Reads a part of a file for nobody, so that it is in the page cache: 64 MiB at most. */
  warm(fd: number, position: number, length: number): Promise<void>;
  /** Answers with the bytes written, which may be fewer than given. */
  writev(
    fd: number,
    buffers: readonly Uint8Array[],
    position: number,
  ): Promise<number>;
  fdatasync(fd: number): Promise<void>;
  fsync(fd: number): Promise<void>;
  ftruncate(fd: number, length: number): Promise<void>;
}

const fdatasync = promisify(fs.fdatasync);
const fsync = promisify(fs.fsync);
const ftruncate = promisify(fs.ftruncate);

/** Where bytes go that are read for nobody, over and over: so little that it stays in the processor's cache. */
const nobody = Buffer.alloc(64 * 1024);

/** The real file system. */
export const nodeFileSystem: FileSystem = {
  openSync: (path, flags) => fs.openSync(path, flags),
  closeSync: (fd) => fs.closeSync(fd),
  readSync: (fd, buffer, offset, length, position) =>
    fs.readSync(fd, buffer, offset, length, position),
  warm: (fd, position, length) =>
    new Promise((resolve, reject) => {
      const parts: Buffer[] = [];
      for (let left = length; left > 0; left -= nobody.length)
        parts.push(nobody.subarray(0, left));
      fs.readv(fd, parts, position, (error) =>
        error === null ? resolve() : reject(error),
      );
    }),
  writev: (fd, buffers, position) =>
    new Promise((resolve, reject) => {
      fs.writev(fd, buffers as Uint8Array[], position, (error, written) =>
        error === null ? resolve(written) : reject(error),
      );
    }),
  fdatasync,
  fsync,
  ftruncate,
};

/** Writes all bytes at a position, however many calls that takes. */
export async function writeFully(
  files: FileSystem,
  fd: number,
  buffers: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let rest = buffers;
  while (rest.length > 0) {
    const written = await files.writev(fd, rest, position);
    position += written;
    rest = withoutPrefix(rest, written);
  }
}

/** Fills the buffer from a position and answers with the bytes found, fewer only where the file ends. */
export function readFully(
  files: Pick<FileSystem, 'readSync'>,
  fd: number,
  buffer: Uint8Array,
  position: number,
): number {
  let filled = 0;
  while (filled < buffer.length) {
    const found = files.readSync(
      fd,
      buffer,
      filled,
      buffer.length - filled,
      position + filled,
    );
    if (found === 0) break;
    filled += found;
  }
  return filled;
}

function withoutPrefix(
  buffers: readonly Uint8Array[],
  length: number,
): Uint8Array[] {
  const rest: Uint8Array[] = [];
  for (const buffer of buffers) {
    if (length >= buffer.length) length -= buffer.length;
    else {
      rest.push(length > 0 ? buffer.subarray(length) : buffer);
      length = 0;
    }
  }
  return rest;
}
