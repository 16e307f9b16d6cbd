import { fstatSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { GuestMemory } from './guest-memory.ts';
import type { MemoryRegion } from './guest-memory.ts';
import type { VirtiofsLibc } from './libc.ts';
import { badFrontEnd } from './vhost-user.ts';
import type { RegionPlace } from './vhost-user.ts';

interface Mapping {
  readonly address: number;
  readonly length: number;
}

/** The guest's memory, mapped from the files that the front-end shares. */
export class MappedMemory {
  readonly guest: GuestMemory;
  readonly #libc: VirtiofsLibc;
  readonly #mappings: Mapping[] = [];

  /**
   * Maps regions. The files may be closed afterwards.
   *
   * @throws FsError `fs/bad-front-end`
   */
  constructor(
    libc: VirtiofsLibc,
    places: readonly RegionPlace[],
    files: readonly number[],
  ) {
    this.#libc = libc;
    try {
      this.guest = new GuestMemory(
        places.map((place, i) => this.#map(place, files[i]!)),
      );
    } catch (error) {
      this.#unmap();
      throw error;
    }
  }

  /** Unmaps all. To touch a queue in this memory afterwards would be the end of the process. */
  close(): void {
    this.guest.close();
    this.#unmap();
  }

  #map(place: RegionPlace, file: number): MemoryRegion {
    const { offset, size } = place;
    // From the file's beginning, as large pages allow no other offsets than multiples of theirs.
    const length = offset + size;
    // To read behind a file's end would end this process.
    if (fstatSync(file).size < length)
      throw badFrontEnd('a region of memory that its file does not hold');
    const address = this.#libc.map(file, length);
    if (address < 0)
      throw badFrontEnd(
        `memory that can not be mapped (${getSystemErrorName(address)})`,
      );
    this.#mappings.push({ address, length });
    return {
      ...place,
      window: (at, bytes) => this.#libc.view(address + offset + at, bytes),
    };
  }

  #unmap(): void {
    for (const { address, length } of this.#mappings.splice(0))
      this.#libc.unmap(address, length);
  }
}
