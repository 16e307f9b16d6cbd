import { CastoreError } from '../../errors.ts';
import type { KeyedKind, LocalStore } from '../local-store.ts';
import { QuietReader } from './quiet-reader.ts';
import { ioFailure } from '../store-failure.ts';
import { recordIndexKey } from '../index/store-index.ts';

/** What blobs and directories need of a store. */
export type RecordStore = Pick<
  LocalStore,
  | 'format'
  | 'has'
  | 'rawLength'
  | 'read'
  | 'readPart'
  | 'readWhole'
  | 'openFiller'
  | 'put'
  | 'submit'
  | 'lease'
>;

/**
 * A store as its care reads it: looking at something isn't use, so that nothing becomes young by being counted or
 * verified, and what turns out damaged stays in the index. Writes are refused.
 */
export class QuietStore implements RecordStore, Disposable {
  readonly format: LocalStore['format'];
  readonly #store: LocalStore;
  readonly #reader: QuietReader;

  constructor(store: LocalStore) {
    this.format = store.format;
    this.#store = store;
    this.#reader = new QuietReader(store);
  }

  has(kind: KeyedKind, key: Uint8Array): boolean {
    return this.rawLength(kind, key) !== undefined;
  }

  rawLength(kind: KeyedKind, key: Uint8Array): number | undefined {
    return this.#store.peek(kind, key)?.rawLength;
  }

  read(kind: KeyedKind, key: Uint8Array): Uint8Array | undefined {
    const found = this.#reader.find(kind, recordIndexKey(kind, key), key);
    if (found === undefined) return undefined;
    if (found.fault === undefined) return found.payload;
    if (found.fault === 'unreadable')
      throw ioFailure('a pack cannot be read', found.cause);
    throw new CastoreError(
      'castore/corrupt-store',
      `a record is ${found.fault === 'missing' ? 'missing from its pack' : 'damaged'}`,
    );
  }

  /** Whoever takes care reads all of a record. */
  readPart(): false {
    return false;
  }

  /** {@link QuietStore.read} does. */
  readWhole(): false {
    return false;
  }

  /** {@link QuietStore.read} does. */
  openFiller(): undefined {
    return undefined;
  }

  put(): Promise<never> {
    return Promise.reject(refusal());
  }

  submit(): Promise<never> {
    return Promise.reject(refusal());
  }

  lease(): never {
    throw refusal();
  }

  /** Lets go of the files. */
  [Symbol.dispose](): void {
    this.#reader.close();
  }
}

function refusal(): CastoreError {
  return new CastoreError(
    'castore/store-read-only',
    'the store is looked at alone',
  );
}
