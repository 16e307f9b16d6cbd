import { type RecordLocation, recordEnd } from '../index/index-entry.ts';
import type { PackReader } from './pack-reader.ts';
import type { Pack } from './packs.ts';

/** How much of what was asked of a pack so far is read beside each further record. */
const SHARE = 1 / 4;

/** As much as is read at a time. The next begins when the event loop turns, which hundreds of records may come before. */
const MOST_BYTES = 16 * 1024 * 1024;

/** Packs that are remembered. */
const MOST_PACKS = 1024;

/** What is known of a pack that records are read from. */
interface Warmth {
  readonly tag: number;
  /** Bytes of records that were asked for. */
  asked: number;
  /** Where the last of them ended. */
  end: number;
  /** Up to where the pack was read. */
  position: number;
  /** How much more may be read. */
  allowance: number;
  isReading: boolean;
}

/**
 * Brings packs into the page cache that are read here and there. Each such read waits for the device by itself, where
 * the whole pack would come in a fraction of the time of all its records. So the more of a pack was asked for, the more
 * of it is read in the background: nearly nothing for a few records, all of it after a sixth. Whoever reads in order
 * is left to the kernel, which reads ahead.
 */
export class PackWarmer {
  readonly #reader: PackReader;
  readonly #packs = new Map<number, Warmth>();

  constructor(reader: PackReader) {
    this.#reader = reader;
  }

  /** A record was read from its pack. */
  wasRead(pack: Pack, location: RecordLocation): void {
    const warmth = this.#warmthOf(pack);
    const isNext = warmth.end === location.offset;
    warmth.end = recordEnd(location);
    if (isNext) return;
    warmth.asked += location.storedLength;
    warmth.allowance += warmth.asked * SHARE;
    if (!warmth.isReading) void this.#read(pack, warmth);
  }

  async #read(pack: Pack, warmth: Warmth): Promise<void> {
    const left = pack.availableLength - warmth.position;
    const length = Math.min(left, Math.floor(warmth.allowance), MOST_BYTES);
    if (length <= 0) return;
    const { position } = warmth;
    warmth.position += length;
    warmth.allowance -= length;
    warmth.isReading = true;
    try {
      await this.#reader.warm(pack, position, length);
    } catch {
      // Whoever really wants a record from there will hear of it.
    }
    warmth.isReading = false;
  }

  #warmthOf({ number, tag }: Pack): Warmth {
    let warmth = this.#packs.get(number);
    if (warmth?.tag === tag) return warmth;
    warmth = {
      tag,
      asked: 0,
      end: 0,
      position: 0,
      allowance: 0,
      isReading: false,
    };
    this.#packs.set(number, warmth);
    if (this.#packs.size > MOST_PACKS) {
      const [oldest] = this.#packs.keys();
      this.#packs.delete(oldest!);
    }
    return warmth;
  }
}
