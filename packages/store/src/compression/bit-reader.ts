import type { ByteWindow } from './byte-window.ts';
import { cutOff } from './corrupt.ts';

/** Reads bits of a window, the highest of each byte first. It doesn't wait: the window is to be filled before. */
export class BitReader {
  readonly #window: ByteWindow;
  #bits = 0;
  #count = 0;

  constructor(window: ByteWindow) {
    this.#window = window;
  }

  /** The next `count` bits as a number, at most 24. */
  read(count: number): number {
    if (this.#count < count) this.#load(count);
    this.#count -= count;
    return (this.#bits >>> this.#count) & ((1 << count) - 1);
  }

  /** The next `count` bits, which stay to be read; where the window ends, zeros follow. */
  peek(count: number): number {
    while (this.#count < count) {
      const { bytes, at, end } = this.#window;
      if (at >= end)
        return (this.#bits << (count - this.#count)) & ((1 << count) - 1);
      this.#window.at++;
      this.#bits = (this.#bits << 8) | bytes[at]!;
      this.#count += 8;
    }
    return (this.#bits >>> (this.#count - count)) & ((1 << count) - 1);
  }

  /** Passes over what was peeked at. */
  skip(count: number): void {
    if (this.#count < count) this.#load(count);
    this.#count -= count;
  }

  /** Passes over what is left of the current byte, and gives bytes that weren't looked at back. */
  alignToByte(): void {
    this.#window.at -= this.#count >> 3;
    this.#count = 0;
  }

  #load(count: number): void {
    const window = this.#window;
    while (this.#count < count) {
      if (window.at >= window.end) throw cutOff();
      this.#bits = (this.#bits << 8) | window.bytes[window.at++]!;
      this.#count += 8;
    }
  }
}
