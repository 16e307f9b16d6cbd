import type { RecordLocation } from './index-entry.ts';
import type { Pack } from './packs.ts';

/** Places that are remembered, some hundred bytes each: of 16 GiB of chunks. */
const MOST = 65_536;

/** Where records lie that were checked as a whole and found sound; the oldest are forgotten first. */
export class CheckedPlaces {
  readonly #places = new Set<string>();

  has(pack: Pack, location: RecordLocation): boolean {
    return this.#places.has(placeOf(pack, location));
  }

  add(pack: Pack, location: RecordLocation): void {
    this.#places.add(placeOf(pack, location));
    if (this.#places.size <= MOST) return;
    const [oldest] = this.#places;
    this.#places.delete(oldest!);
  }
}

/** The tag tells a pack from an earlier one of the same number. */
function placeOf({ number, tag }: Pack, { offset }: RecordLocation): string {
  return `${number} ${tag} ${offset}`;
}
