import { FsError } from '../errors.ts';
import type { RegionPlace } from './vhost-user.ts';

/** A part of the guest's memory, contiguous in the guest and here. */
export interface MemoryRegion extends Omit<RegionPlace, 'offset'> {
  /** The bytes from that offset on, as one buffer. */
  window(offset: number, length: number): ArrayBuffer;
}

/** How a region is cut into windows. Lengths are powers of two. */
export interface WindowOptions {
  readonly windowBytes?: number;
  /** By how much a window reaches into the next one. */
  readonly overlapBytes?: number;
}

/** Neither koffi nor the engine makes one buffer of a region of 4 GiB. */
const WINDOW_BYTES = 2 ** 30;
/** Whatever is at most this long lies in one window, wherever it begins: every queue, and every table of descriptors. */
const OVERLAP_BYTES = 2 ** 20;

/**
 * The memory of a virtual machine, by its own addresses. Nothing outside of it can be reached: addresses and lengths
 * come from a guest that may lie.
 *
 * The guest changes it at any time. What matters is read once, into a place of our own, and then checked.
 */
export class GuestMemory {
  #regions: readonly Region[];
  #recent: Region | undefined;

  constructor(regions: readonly MemoryRegion[], options: WindowOptions = {}) {
    this.#regions = regions.map((region) => new Region(region, options));
  }

  /**
   * Makes sure that there is memory all along a range.
   *
   * @throws FsError `fs/bad-guest`
   */
  check(address: number, length: number): void {
    for (let checked = 0; checked < length;) {
      const { guestAddress, size } = this.#find(address + checked);
      checked = guestAddress + size - address;
    }
  }

  /** Copies out of the guest. @throws FsError `fs/bad-guest` */
  read(address: number, to: Uint8Array): void {
    for (let done = 0; done < to.length;) {
      const from = this.#slice(address + done, to.length - done);
      to.set(from, done);
      done += from.length;
    }
  }

  /** Copies into the guest. @throws FsError `fs/bad-guest` */
  write(address: number, from: Uint8Array): void {
    for (let done = 0; done < from.length;) {
      const to = this.#slice(address + done, from.length - done);
      to.set(to.length === from.length ? from : part(from, done, to.length));
      done += to.length;
    }
  }

  /** A small structure of the guest, at most 1 MiB long. @throws FsError `fs/bad-guest` */
  view(address: number, length: number): DataView {
    const region = this.#find(address);
    return region.view(address - region.guestAddress, length);
  }

  /** The same, by its address in the front-end. @throws FsError `fs/bad-guest` */
  userView(address: number, length: number): DataView {
    for (const region of this.#regions) {
      const offset = address - region.userAddress;
      if (offset >= 0 && offset < region.size)
        return region.view(offset, length);
    }
    throw outside(address);
  }

  /** Reaches nothing any more. Views that were given out must be gone by then. */
  close(): void {
    this.#regions = [];
    this.#recent = undefined;
  }

  /** As much of a range as is contiguous here. */
  #slice(address: number, length: number): Uint8Array {
    const region = this.#find(address);
    return region.slice(address - region.guestAddress, length);
  }

  #find(address: number): Region {
    if (this.#recent?.has(address) === true) return this.#recent;
    for (const region of this.#regions) {
      if (region.has(address)) return (this.#recent = region);
    }
    throw outside(address);
  }
}

class Region {
  readonly guestAddress: number;
  readonly userAddress: number;
  readonly size: number;
  readonly #windowBytes: number;
  readonly #windows: Uint8Array[] = [];

  constructor(region: MemoryRegion, options: WindowOptions) {
    this.guestAddress = region.guestAddress;
    this.userAddress = region.userAddress;
    this.size = region.size;
    this.#windowBytes = options.windowBytes ?? WINDOW_BYTES;
    const length = this.#windowBytes + (options.overlapBytes ?? OVERLAP_BYTES);
    for (let at = 0; at < this.size; at += this.#windowBytes) {
      const buffer = region.window(at, Math.min(length, this.size - at));
      this.#windows.push(new Uint8Array(buffer));
    }
  }

  has(address: number): boolean {
    return (
      address >= this.guestAddress && address - this.guestAddress < this.size
    );
  }

  slice(offset: number, length: number): Uint8Array {
    const start = offset % this.#windowBytes;
    return this.#window(offset).subarray(start, start + length);
  }

  view(offset: number, length: number): DataView {
    const { buffer, byteLength } = this.#window(offset);
    const start = offset % this.#windowBytes;
    if (start + length > byteLength) throw outside(this.guestAddress + offset);
    return new DataView(buffer, start, length);
  }

  #window(offset: number): Uint8Array {
    return this.#windows[Math.floor(offset / this.#windowBytes)]!;
  }
}

function part(bytes: Uint8Array, start: number, length: number): Uint8Array {
  return bytes.subarray(start, start + length);
}

function outside(address: number): FsError {
  return badGuest(`0x${address.toString(16)} is outside of its memory`);
}

/** The error for a guest that doesn't keep to the rules of its queues. */
export function badGuest(what: string): FsError {
  return new FsError('fs/bad-guest', `the guest lies in its queues: ${what}`);
}
