import { TimeSlice, yieldToLoop } from '../../blob-service/time-slice.ts';
import { decodeChunkList } from '../../chunking/chunk-list.ts';
import { B3Digest } from '../../digest/b3-digest.ts';
import { CastoreError } from '../../errors.ts';
import { Directory } from '../../node/directory.ts';
import type { Node } from '../../node/node.ts';
import type { LocalStore } from '../local-store.ts';
import type { UseWatcher } from '../store-interior.ts';
import type { QuietReader } from '../read/quiet-reader.ts';
import { RecordKind } from '../packs/record.ts';
import { ioFailure } from '../store-failure.ts';
import { recordIndexKey } from '../index/store-index.ts';
import { PackedDigestSet } from './packed-digest-set.ts';

type MarkedKind = 1 | 2 | 3;

/**
 * What a collection keeps: everything that its roots lead to, that was used since the cutoff, or that anybody asks for
 * while it runs, each with all below it.
 *
 * From the moment of {@link Mark.condemn} on, what is left over can't be found any more: whoever stores it again stores
 * it anew. Before that moment every use keeps what it used; so nobody who was told that something is stored loses it.
 */
export class Mark implements UseWatcher {
  readonly #store: LocalStore;
  readonly #reader: QuietReader;
  readonly #cutoffMinutes: number;
  readonly #live: Readonly<Record<MarkedKind, PackedDigestSet>> = {
    [RecordKind.chunk]: new PackedDigestSet(),
    [RecordKind.recipe]: new PackedDigestSet(),
    [RecordKind.directory]: new PackedDigestSet(),
  };
  /** Recipes and directories that were marked and not yet looked into. */
  readonly #work: { readonly kind: MarkedKind; readonly key: Uint8Array }[] =
    [];
  #missing = 0;
  #isCondemned = false;

  constructor(store: LocalStore, reader: QuietReader, cutoffMinutes: number) {
    this.#store = store;
    this.#reader = reader;
    this.#cutoffMinutes = cutoffMinutes;
  }

  /** Recipes and directories that something marked leads to, and that aren't stored. */
  get missing(): number {
    return this.#missing;
  }

  use(kind: number, key: Uint8Array, touchedMinutes: number): boolean {
    if (!isMarked(kind)) return true;
    if (this.#isCondemned) return !this.isGarbage(kind, key, touchedMinutes);
    this.reach(kind, key);
    return true;
  }

  /** Marks a record; what it leads to is marked by the next {@link Mark.drain}. */
  reach(kind: number, key: Uint8Array): void {
    if (!isMarked(kind) || !this.#live[kind].add(key)) return;
    if (kind !== RecordKind.chunk)
      this.#work.push({ kind, key: new Uint8Array(key) });
  }

  /** Marks what a node leads to. */
  reachNode(node: Node): void {
    if (node.type === 'directory')
      this.reach(RecordKind.directory, node.digest.bytes);
    else if (node.type === 'file') this.#reachBlob(node.digest.bytes);
  }

  /** Marks everything below what is marked, a slice of time after another. */
  async drain(): Promise<void> {
    const slice = new TimeSlice();
    for (let next = this.#work.pop(); next; next = this.#work.pop()) {
      if (slice.isOver()) {
        await yieldToLoop();
        slice.restart();
      }
      this.#lookInto(next.kind, next.key);
    }
  }

  /** Hides what is left over, all of it at once; answers false where {@link Mark.drain} has to go on first. */
  condemn(): boolean {
    this.#isCondemned = this.#work.length === 0;
    return this.#isCondemned;
  }

  /** Whether a record is neither marked nor used of late. */
  isGarbage(kind: number, key: Uint8Array, touchedMinutes: number): boolean {
    return (
      isMarked(kind) &&
      touchedMinutes < this.#cutoffMinutes &&
      !this.#live[kind].has(key)
    );
  }

  #reachBlob(digest: Uint8Array): void {
    const chunks = this.#live[RecordKind.chunk];
    if (!chunks.add(digest)) return;
    const recipe = recordIndexKey(RecordKind.recipe, digest);
    if (this.#store.interior.index.get(recipe) !== undefined)
      this.reach(RecordKind.recipe, digest);
  }

  #lookInto(kind: MarkedKind, key: Uint8Array): void {
    const found = this.#reader.find(kind, recordIndexKey(kind, key), key);
    if (found === undefined) {
      this.#missing += 1;
      return;
    }
    const digest = B3Digest.fromBytes(key);
    if (found.fault === 'unreadable') {
      const what = `nothing was collected: cannot read ${digest.toString()}`;
      throw ioFailure(what, found.cause);
    }
    if (found.fault !== undefined) throw unknownBelow(digest, found.cause);
    if (kind === RecordKind.recipe) {
      const list = decodeChunkList(digest, found.payload);
      if (list === undefined) throw unknownBelow(digest, undefined);
      for (const chunk of list.chunks)
        this.reach(RecordKind.chunk, chunk.digest.bytes);
      return;
    }
    for (const { node } of Directory.decode(found.payload).entries)
      this.reachNode(node);
  }
}

function isMarked(kind: number): kind is MarkedKind {
  return (
    kind === RecordKind.chunk ||
    kind === RecordKind.recipe ||
    kind === RecordKind.directory
  );
}

/** Collecting on would take what only the damaged record leads to, and with it what could be mended. */
function unknownBelow(digest: B3Digest, cause: unknown): CastoreError {
  return new CastoreError(
    'castore/corrupt-store',
    `nothing was collected: ${digest.toString()} is damaged, and what it leads to can't be told; verify the store and repair it first`,
    { cause, details: { digest } },
  );
}
