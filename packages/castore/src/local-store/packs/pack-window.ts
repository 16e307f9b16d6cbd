import { type FileSystem, readFully } from '../file-system.ts';

const WINDOW_BYTES = 256 * 1024;

/** A view into a pack that moves forward: small records come many to a read. */
export class PackWindow {
  readonly #files: FileSystem;
  readonly #fd: number;
  readonly #length: number;
  #buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #start = 0;
  #filled = 0;

  /** Of an open file, up to a length. */
  constructor(files: FileSystem, fd: number, length: number) {
    this.#files = files;
    this.#fd = fd;
    this.#length = length;
  }

  /** The bytes at a position, fewer where the file ends. Valid until the next call. Throws what the file system throws. */
  at(position: number, length: number): Buffer {
    if (
      position < this.#start ||
      position + length > this.#start + this.#filled
    )
      this.#moveTo(position, length);
    const from = position - this.#start;
    return this.#buffer.subarray(from, Math.min(this.#filled, from + length));
  }

  #moveTo(position: number, length: number): void {
    if (length > this.#buffer.length)
      this.#buffer = Buffer.allocUnsafeSlow(length);
    const room = Math.max(0, this.#length - position);
    this.#filled = 0;
    this.#start = position;
    this.#filled = readFully(
      this.#files,
      this.#fd,
      this.#buffer.subarray(0, Math.min(this.#buffer.length, room)),
      position,
    );
  }
}
