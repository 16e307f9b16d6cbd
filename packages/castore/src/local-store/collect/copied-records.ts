import type { RecordLocation, RecordPlace } from '../index/index-entry.ts';
import { PackListing } from '../packs/pack-listing.ts';
import { recordIndexKey } from '../index/store-index.ts';

/** A record that was copied from one place to another. */
export interface CopiedRecord {
  readonly indexKey: Buffer;
  readonly from: RecordPlace;
  readonly to: RecordLocation;
}

/** Of each record: the pack that it was copied from, its offset there divided by eight, the pack of the copy, its group. */
const PLACE_WORDS = 4;
const FIRST_RECORDS = 1024;

/** As many groups are told apart by kind and the first two bytes of the key: pages of the index are about that fine. */
const GROUPS = 1 << 18;

/** Records by kind and 32-byte key that the index doesn't lead to yet, 64 bytes each. */
export class CopiedRecords {
  readonly #copies = PackListing.empty();
  #places = new Uint32Array(FIRST_RECORDS * PLACE_WORDS);

  add({ indexKey, from, to }: CopiedRecord): void {
    const at = this.#copies.length * PLACE_WORDS;
    if (at === this.#places.length) {
      const places = new Uint32Array(2 * at);
      places.set(this.#places);
      this.#places = places;
    }
    this.#places[at] = from.pack;
    this.#places[at + 1] = from.offset / 8;
    this.#places[at + 2] = to.pack;
    this.#places[at + 3] =
      ((indexKey[0]! & 3) << 16) | (indexKey[1]! << 8) | indexKey[2]!;
    this.#copies.add({
      kind: indexKey[0] as 1 | 2 | 3,
      codec: to.codec,
      key: indexKey.subarray(1),
      offset: to.offset,
      storedLength: to.storedLength,
      rawLength: to.rawLength,
    });
  }

  /** Forgets all of them; their room is used again. */
  clear(): void {
    this.#copies.cutTo(0);
  }

  /** All of them, about in the order of the index, so that one transaction touches few of its pages. */
  *inOrder(): Generator<CopiedRecord> {
    const ends = new Uint32Array(GROUPS + 1);
    const { length } = this.#copies;
    for (let i = 0; i < length; i += 1) ends[this.#groupOf(i) + 1]! += 1;
    for (let group = 1; group <= GROUPS; group += 1)
      ends[group]! += ends[group - 1]!;
    const order = new Uint32Array(length);
    for (let i = 0; i < length; i += 1) order[ends[this.#groupOf(i)]!++] = i;
    for (const i of order) yield this.#at(i);
  }

  #groupOf(i: number): number {
    return this.#places[i * PLACE_WORDS + 3]!;
  }

  #at(i: number): CopiedRecord {
    const { kind, key, codec, offset, storedLength, rawLength } =
      this.#copies.at(i);
    const place = i * PLACE_WORDS;
    return {
      indexKey: recordIndexKey(kind, key),
      from: {
        pack: this.#places[place]!,
        offset: this.#places[place + 1]! * 8,
      },
      to: {
        pack: this.#places[place + 2]!,
        offset,
        codec,
        storedLength,
        rawLength,
      },
    };
  }
}
