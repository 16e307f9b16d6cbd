import { TimeSlice, yieldToLoop } from '../../blob-service/time-slice.ts';
import { decodeChunkList } from '../../chunking/chunk-list.ts';
import { B3Digest } from '../../digest/b3-digest.ts';
import { Directory } from '../../node/directory.ts';
import type { Node } from '../../node/node.ts';
import { decodeIndexEntry } from '../index/index-entry.ts';
import type { LocalStore } from '../local-store.ts';
import { QuietReader } from '../read/quiet-reader.ts';
import { RecordKind, recordSpan } from '../packs/record.ts';
import { recordIndexKey } from '../index/store-index.ts';
import { PackedDigestSet } from './packed-digest-set.ts';

/** Sums up what trees take in a store together: what they share counts once. What isn't stored takes nothing. */
export class StoredSize implements Disposable {
  readonly #store: LocalStore;
  readonly #reader: QuietReader;
  readonly #blobs = new PackedDigestSet();
  readonly #directories = new PackedDigestSet();
  #bytes = 0;

  constructor(store: LocalStore) {
    this.#store = store;
    this.#reader = new QuietReader(store);
  }

  /** Of everything that was added so far, in bytes of packs. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a node with all below it. */
  async add(node: Node): Promise<void> {
    const slice = new TimeSlice();
    const work = [node];
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      if (slice.isOver()) {
        await yieldToLoop();
        slice.restart();
      }
      if (next.type === 'file') this.#addBlob(next.digest.bytes);
      if (next.type === 'directory')
        for (const child of this.#addDirectory(next.digest.bytes))
          work.push(child);
    }
  }

  [Symbol.dispose](): void {
    this.#reader.close();
  }

  #addDirectory(key: Uint8Array): Node[] {
    if (!this.#directories.add(key)) return [];
    this.#count(RecordKind.directory, key);
    const payload = this.#read(RecordKind.directory, key);
    return payload === undefined
      ? []
      : Directory.decode(payload).entries.map(({ node }) => node);
  }

  #addBlob(key: Uint8Array): void {
    if (!this.#blobs.add(key)) return;
    if (this.#count(RecordKind.chunk, key)) return;
    if (!this.#count(RecordKind.recipe, key)) return;
    const payload = this.#read(RecordKind.recipe, key);
    const digest = B3Digest.fromBytes(key);
    const list = payload && decodeChunkList(digest, payload);
    for (const chunk of list?.chunks ?? [])
      if (this.#blobs.add(chunk.digest.bytes))
        this.#count(RecordKind.chunk, chunk.digest.bytes);
  }

  #read(kind: RecordKind, key: Uint8Array): Uint8Array | undefined {
    const found = this.#reader.find(kind, recordIndexKey(kind, key), key);
    return found?.fault === undefined ? found?.payload : undefined;
  }

  /** Answers whether the record is stored. */
  #count(kind: RecordKind, key: Uint8Array): boolean {
    const indexKey = recordIndexKey(kind, key);
    const entry = this.#store.interior.index.get(indexKey);
    if (entry === undefined) return false;
    this.#bytes += recordSpan(decodeIndexEntry(indexKey, entry).storedLength);
    return true;
  }
}
