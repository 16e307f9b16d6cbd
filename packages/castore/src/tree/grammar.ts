import { compareBytes } from '../digest/bytes.ts';
import { CastoreError } from '../errors.ts';
import { isSymlinkTarget, symlinkTarget } from '../node/symlink-target.ts';
import {
  isPathComponent,
  pathComponent,
  quoteBytes,
} from '../path/path-component.ts';
import type { IngestEvent } from './event.ts';

/** What may come next: a node, the contents of a file, an entry or the end of the open directory, or nothing more. */
type Expectation = 'node' | 'contents' | 'directory' | 'nothing';

/**
 * Holds a stream of tree events to its rules, one event after the other: every sink asks it before it acts on an event.
 *
 * Depth costs memory and no stack.
 */
export class TreeGrammar {
  /** For each open directory the last name in it. */
  readonly #names: (Uint8Array | undefined)[] = [];
  #expected: Expectation = 'node';
  #contentsLeft = 0n;
  #lastNodeIsFile = false;

  /** How many bytes of the open file are still to come. */
  get contentsLeft(): bigint {
    return this.#contentsLeft;
  }

  /**
   * Takes the next event.
   *
   * @throws CastoreError `castore/malformed-tree` where it can't stand here, `castore/wrong-size` where a file's data
   *   exceeds or misses its size, `castore/invalid-name`, `castore/wrong-sorting`, `castore/duplicate-name`,
   *   `castore/invalid-symlink-target`
   */
  accept(event: IngestEvent): void {
    switch (event.type) {
      case 'data':
        return this.#acceptData(event.bytes.length);
      case 'regular':
        this.#expect('node', event.type);
        assertSize(event.size);
        this.#contentsLeft = event.size;
        return this.#nodeEnds(event.size > 0n ? 'contents' : undefined, true);
      case 'stored':
        this.#expect('node', event.type);
        assertSize(event.size);
        return this.#nodeEnds(undefined, true);
      case 'entry':
        this.#expect('directory', event.type);
        this.#acceptName(event.name);
        this.#expected = 'node';
        return;
      case 'symlink':
        this.#expect('node', event.type);
        if (!isSymlinkTarget(event.target)) symlinkTarget(event.target);
        return this.#nodeEnds();
      case 'directory':
        this.#expect('node', event.type);
        this.#names.push(undefined);
        this.#expected = 'directory';
        this.#lastNodeIsFile = false;
        return;
      case 'end':
        this.#expect('directory', event.type);
        this.#names.pop();
        return this.#nodeEnds();
      default:
        throw malformed(
          `unknown event ${JSON.stringify((event as { type: unknown }).type)}`,
        );
    }
  }

  /**
   * The stream has ended: the tree must be whole.
   *
   * @throws CastoreError `castore/malformed-tree`, `castore/wrong-size`
   */
  finish(): void {
    if (this.#expected === 'contents') throw this.#shortFile();
    if (this.#expected !== 'nothing')
      throw malformed('the tree ends before its root is complete');
  }

  #acceptData(length: number): void {
    if (length === 0 && (this.#expected === 'contents' || this.#lastNodeIsFile))
      return;
    if (this.#expected !== 'contents') {
      if (this.#lastNodeIsFile) throw longFile();
      throw malformed('data outside of a file');
    }
    const left = this.#contentsLeft - BigInt(length);
    if (left < 0n) throw longFile();
    this.#contentsLeft = left;
    if (left === 0n) this.#nodeEnds(undefined, true);
  }

  #acceptName(name: Uint8Array): void {
    if (!isPathComponent(name)) pathComponent(name);
    const depth = this.#names.length - 1;
    const previous = this.#names[depth];
    const order = previous === undefined ? -1 : compareBytes(previous, name);
    if (order >= 0) {
      throw new CastoreError(
        order === 0 ? 'castore/duplicate-name' : 'castore/wrong-sorting',
        order === 0
          ? `the name ${quoteBytes(name)} stands twice in a directory`
          : `the name ${quoteBytes(name)} comes too late in its directory`,
        { details: { name } },
      );
    }
    this.#names[depth] = name;
  }

  #expect(expected: Expectation, found: IngestEvent['type']): void {
    if (this.#expected === expected) return;
    if (this.#expected === 'contents') throw this.#shortFile();
    throw malformed(
      this.#expected === 'nothing'
        ? `${found} after the root`
        : this.#expected === 'node'
          ? `${found} where a node is expected`
          : `${found} where an entry or the end of a directory is expected`,
    );
  }

  #nodeEnds(next?: Expectation, isFile = false): void {
    this.#expected = next ?? (this.#names.length > 0 ? 'directory' : 'nothing');
    this.#lastNodeIsFile = isFile;
  }

  #shortFile(): CastoreError {
    return new CastoreError(
      'castore/wrong-size',
      `a file ends ${this.#contentsLeft} bytes before its size`,
      { details: { missing: this.#contentsLeft } },
    );
  }
}

const MAX_SIZE = (1n << 64n) - 1n;

function assertSize(size: bigint): void {
  if (size < 0n || size > MAX_SIZE) throw malformed(`a file of ${size} bytes`);
}

function longFile(): CastoreError {
  return new CastoreError(
    'castore/wrong-size',
    'a file has more data than its size',
  );
}

function malformed(what: string): CastoreError {
  return new CastoreError('castore/malformed-tree', `not a tree: ${what}`);
}
