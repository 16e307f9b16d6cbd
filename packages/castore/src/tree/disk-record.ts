import { identityOf } from './known-files.ts';
import type { FileIdentity } from './known-files.ts';

/** What comes next in the ways of a record; behind the two that have a name, its length (a byte) and the name follow. */
export const RecordedWay = { end: 0, directory: 1, file: 2 } as const;

/** Inode, size, time of modification, time of change. */
export const RECORDED_NUMBERS = 4;

/**
 * What told the directories and files of a tree on disk from what they may become, as it was found by whoever read it.
 * Links aren't in it: a link can't change, and what is in a directory doesn't without the directory.
 */
export interface DiskRecord {
  /** The device that all of it lies on. */
  readonly dev: number;
  /** {@link RECORDED_NUMBERS} for each, in the order of the ways. */
  readonly numbers: Float64Array;
  /** The tree, each directory before what is in it: {@link RecordedWay}. The name of the root is empty. */
  readonly ways: Uint8Array;
}

/** Hears of the directories and files of a tree on disk, in the order in which they are told. */
export interface DiskWitness {
  /** A directory that is listed next, as it was found before. */
  directory(name: Uint8Array, found: FileIdentity): void;
  /** A file, as it was found when its reading began. */
  file(name: Uint8Array, found: FileIdentity): void;
  /** The innermost directory is over. */
  end(): void;
}

/** Makes the record of a tree while it is read. */
export class DiskRecorder implements DiskWitness {
  #dev: number | undefined;
  #isFit = true;
  #numbers = new Float64Array(1024 * RECORDED_NUMBERS);
  #numbersLength = 0;
  #ways = new Uint8Array(16 * 1024);
  #waysLength = 0;

  directory(name: Uint8Array, found: FileIdentity): void {
    const isRoot = this.#dev === undefined;
    this.#dev ??= found.dev;
    const recorded = isRoot ? new Uint8Array(0) : name;
    this.#add(RecordedWay.directory, recorded, found);
  }

  file(name: Uint8Array, found: FileIdentity): void {
    this.#add(RecordedWay.file, name, found);
  }

  end(): void {
    this.#reserve(1);
    this.#ways[this.#waysLength++] = RecordedWay.end;
  }

  /**
   * The record of what was read; `undefined` where it is no directory, where some of it was changed so lately that another
   * change could leave no trace, or where it lies on several devices.
   */
  finish(): DiskRecord | undefined {
    if (!this.#isFit || this.#dev === undefined) return undefined;
    return {
      dev: this.#dev,
      numbers: this.#numbers.slice(0, this.#numbersLength),
      ways: this.#ways.slice(0, this.#waysLength),
    };
  }

  #add(way: number, name: Uint8Array, found: FileIdentity): void {
    const identity = identityOf(found);
    if (identity === undefined || identity.dev !== this.#dev)
      this.#isFit = false;
    if (!this.#isFit) return;
    this.#reserve(2 + name.length);
    this.#ways[this.#waysLength++] = way;
    this.#ways[this.#waysLength++] = name.length;
    this.#ways.set(name, this.#waysLength);
    this.#waysLength += name.length;
    if (this.#numbersLength === this.#numbers.length) {
      const numbers = new Float64Array(2 * this.#numbers.length);
      numbers.set(this.#numbers);
      this.#numbers = numbers;
    }
    const { ino, size, mtimeMs, ctimeMs } = found;
    this.#numbers[this.#numbersLength++] = ino;
    this.#numbers[this.#numbersLength++] = size;
    this.#numbers[this.#numbersLength++] = mtimeMs;
    this.#numbers[this.#numbersLength++] = ctimeMs;
  }

  #reserve(length: number): void {
    if (this.#waysLength + length <= this.#ways.length) return;
    const ways = new Uint8Array(2 * this.#ways.length);
    ways.set(this.#ways);
    this.#ways = ways;
  }
}
