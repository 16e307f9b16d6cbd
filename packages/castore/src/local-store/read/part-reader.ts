import { compareBytes } from '../../digest/bytes.ts';
import { hashBytes } from '../../digest/hasher.ts';
import type { RecordLocation } from '../index/index-entry.ts';
import type { PackReader } from '../packs/pack-reader.ts';
import { PackWarmer } from '../packs/pack-warmer.ts';
import type { Pack } from '../packs/packs.ts';

/** Places that are remembered, some hundred bytes each: of 16 GiB of chunks. */
const MOST_PLACES = 65_536;

/**
 * Reads parts of payloads that lie in a pack as they are. The whole is checked when a part of it is first read; after
 * that the part alone is read, as often as it is wanted: the page cache has the pack, and nothing is kept here but the
 * payload that was checked last, of which more is likely to be wanted next.
 */
export class PartReader {
  readonly #reader: PackReader;
  readonly #warmer: PackWarmer;
  /** Where payloads lie that were found sound, in the order in which they were. */
  readonly #checked = new Set<string>();
  #held: Buffer = Buffer.alloc(0);
  #heldPlace: string | undefined;

  constructor(reader: PackReader) {
    this.#reader = reader;
    this.#warmer = new PackWarmer(reader);
  }

  /**
   * Fills `into` with the part that begins at `offset` and lies inside of the payload; false where what lies there
   * doesn't have that BLAKE3. Throws what the file system throws.
   */
  read(
    pack: Pack,
    location: RecordLocation,
    key: Uint8Array,
    offset: number,
    into: Uint8Array,
  ): boolean {
    const place = placeOf(pack, location);
    if (place === this.#heldPlace) {
      into.set(this.#held.subarray(offset, offset + into.length));
      return true;
    }
    if (this.#checked.has(place))
      return this.#reader.readPart(pack, location, offset, into);
    if (into.length === location.rawLength)
      return this.#check(pack, location, key, into);
    const payload = this.#room(location.rawLength);
    if (!this.#check(pack, location, key, payload)) return false;
    this.#heldPlace = place;
    into.set(payload.subarray(offset, offset + into.length));
    return true;
  }

  #check(
    pack: Pack,
    location: RecordLocation,
    key: Uint8Array,
    into: Uint8Array,
  ): boolean {
    if (
      !this.#reader.readPart(pack, location, 0, into) ||
      compareBytes(hashBytes(into).bytes, key) !== 0
    )
      return false;
    this.#warmer.wasRead(pack, location);
    this.#checked.add(placeOf(pack, location));
    if (this.#checked.size > MOST_PLACES) {
      const [oldest] = this.#checked;
      this.#checked.delete(oldest!);
    }
    return true;
  }

  /** Where the next payload goes; what was held is gone. */
  #room(length: number): Buffer {
    this.#heldPlace = undefined;
    if (length > this.#held.length) this.#held = Buffer.allocUnsafeSlow(length);
    return this.#held.subarray(0, length);
  }
}

/** The tag tells a pack from an earlier one of the same number. */
function placeOf({ number, tag }: Pack, { offset }: RecordLocation): string {
  return `${number} ${tag} ${offset}`;
}
