import { yieldToLoop } from '../../blob-service/time-slice.ts';
import type { LocalStore } from '../local-store.ts';
import type { Pack } from '../packs/packs.ts';
import type { PackListing } from '../packs/pack-listing.ts';
import { listPack } from '../packs/pack-scan.ts';
import { QuietReader } from '../read/quiet-reader.ts';
import { RecordKind } from '../packs/record.ts';
import { ioFailure } from '../store-failure.ts';
import { decodeTableEntry, tableIndexKey } from '../tables/table-entry.ts';

/**
 * Which removals of table entries must outlive the packs that they lie in: as long as another pack has an older value
 * of the same key, an index that is made from the packs would bring that back.
 */
export class Removals {
  readonly #store: LocalStore;
  /** By index key: the packs that hold a value of it. */
  readonly #holders: ReadonlyMap<string, Set<number>>;

  private constructor(
    store: LocalStore,
    holders: ReadonlyMap<string, Set<number>>,
  ) {
    this.#store = store;
    this.#holders = holders;
  }

  /** Looks for the removals in some packs, and in all packs for values of their keys. */
  static async find(
    store: LocalStore,
    packs: readonly Pack[],
  ): Promise<Removals> {
    const holders = new Map<string, Set<number>>();
    await eachTableEntry(store, packs, (name, isRemoval) => {
      if (isRemoval) holders.set(name, new Set());
    });
    if (holders.size > 0) {
      const all = store.interior.packs.all();
      await eachTableEntry(store, all, (name, isRemoval, { number }) => {
        if (!isRemoval) holders.get(name)?.add(number);
      });
    }
    return new Removals(store, holders);
  }

  /** Whether a removal that lies in a pack has to be kept when that goes. */
  isNeeded(indexKey: Buffer, pack: Pack): boolean {
    // A value that counts is younger than the removal, and says more.
    if (this.#store.interior.index.get(indexKey) !== undefined) return false;
    const holders = this.#holders.get(indexKey.toString('latin1'));
    if (holders === undefined) return true;
    for (const number of holders) if (number !== pack.number) return true;
    return false;
  }

  /** A pack is gone. */
  forget(pack: Pack): void {
    for (const holders of this.#holders.values()) holders.delete(pack.number);
  }
}

async function eachTableEntry(
  store: LocalStore,
  packs: readonly Pack[],
  look: (name: string, isRemoval: boolean, pack: Pack) => void,
): Promise<void> {
  const reader = new QuietReader(store);
  const { files } = store.interior;
  try {
    for (const pack of packs) {
      if (pack.availableLength === 0) continue;
      const fd = files.openSync(pack.file, 'r');
      try {
        const { parts } = listPack(files, fd, pack.availableLength, pack.tag);
        for (const part of parts()) {
          lookInto(reader, pack, part, look);
          await yieldToLoop();
        }
      } finally {
        files.closeSync(fd);
      }
    }
  } finally {
    reader.close();
  }
}

function lookInto(
  reader: QuietReader,
  pack: Pack,
  part: PackListing,
  look: (name: string, isRemoval: boolean, pack: Pack) => void,
): void {
  for (let i = 0; i < part.length; i += 1) {
    if (part.kindAt(i) !== RecordKind.tableEntry) continue;
    const entry = part.at(i);
    const location = { pack: pack.number, ...entry };
    const found = reader.inspect(location, entry.kind, entry.key);
    if (found.fault === 'unreadable')
      throw ioFailure(`cannot read ${pack.file}`, found.cause);
    // What is damaged can't come back.
    if (found.fault !== undefined) continue;
    const change = decodeTableEntry(found.payload);
    const name = tableIndexKey(change.table, change.key).toString('latin1');
    look(name, change.value === undefined, pack);
  }
}
