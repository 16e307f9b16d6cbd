import fs from 'node:fs';
import path from 'node:path';
import { errnoOf, isNoSpace } from '../store-failure.ts';
import { allocateFile } from './allocate-file.ts';

const BLOCK_BYTES = 1024 * 1024;

/**
 * Space set aside while there is some, to be given back when there is none, so that a full store can still be cleaned
 * up. It is allocated or written, not merely sized: a hole would reserve nothing.
 */
export class Reserve {
  readonly #file: string;
  /** As many as are set aside. */
  readonly bytes: number;

  constructor(directory: string, bytes: number) {
    this.#file = path.join(directory, 'reserve');
    this.bytes = bytes;
  }

  /** Sets the space aside unless it is already, or there is none. Answers whether it is there. */
  ensure(): boolean {
    if (this.bytes === 0 || this.#size() === this.bytes) return true;
    const fd = fs.openSync(this.#file, 'w', 0o600);
    try {
      if (!allocateFile(fd, this.bytes)) this.#write(fd);
      if (fs.fstatSync(fd).size < this.bytes) fs.ftruncateSync(fd, 0);
      fs.fsyncSync(fd);
    } catch (error) {
      fs.ftruncateSync(fd, 0);
      if (!isNoSpace(error)) throw error;
      return false;
    } finally {
      fs.closeSync(fd);
    }
    return true;
  }

  #write(fd: number): void {
    const block = Buffer.alloc(Math.min(BLOCK_BYTES, this.bytes));
    for (let at = 0; at < this.bytes; at += block.length)
      fs.writeSync(fd, block, 0, Math.min(block.length, this.bytes - at), at);
  }

  /** Gives so many bytes back to the file system, or what is left of them. Answers whether there were any. */
  give(bytes: number): boolean {
    const size = this.#size();
    if (size === 0) return false;
    fs.truncateSync(this.#file, Math.max(0, size - bytes));
    return true;
  }

  /** Gives the space back to the file system. */
  release(): void {
    fs.rmSync(this.#file, { force: true });
  }

  #size(): number {
    try {
      return fs.statSync(this.#file).size;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 0;
      throw error;
    }
  }
}
