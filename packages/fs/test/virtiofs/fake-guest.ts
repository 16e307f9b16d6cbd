import { GuestMemory } from '../../src/virtiofs/guest-memory.ts';
import type {
  MemoryRegion,
  WindowOptions,
} from '../../src/virtiofs/guest-memory.ts';
import type { RingAddresses } from '../../src/virtiofs/vhost-user.ts';
import { isEventDue } from '../../src/virtiofs/virtqueue.ts';

/** Where a guest's memory begins for itself, and for its front-end. */
export const GUEST_ADDRESS = 0x100000;
export const USER_ADDRESS = 0x7f0000000000;

export const NEXT = 1;
export const WRITE = 2;
export const INDIRECT = 4;

export interface Descriptor {
  readonly address: number | bigint;
  readonly length: number;
  readonly flags?: number;
  readonly next?: number;
}

/** A request in a ring, with the places that its reply goes to. */
export interface Offer {
  readonly head: number;
  readonly room: readonly Uint8Array[];
}

/** One region of memory of a guest, and what the guest does in it. */
export class FakeGuest {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  #top = 0;

  constructor(memory: ArrayBuffer = new ArrayBuffer(1 << 20)) {
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
  }

  get region(): MemoryRegion {
    return {
      guestAddress: GUEST_ADDRESS,
      userAddress: USER_ADDRESS,
      size: this.bytes.length,
      window: (offset, length) => {
        // Windows of real memory overlap; slices of an ArrayBuffer can't.
        if (offset !== 0 || length !== this.bytes.length)
          throw new Error('more than one window');
        return this.bytes.buffer as ArrayBuffer;
      },
    };
  }

  memory(options?: WindowOptions): GuestMemory {
    return new GuestMemory([this.region], options);
  }

  /** A place of that length, as an offset. */
  allocate(length: number, alignment = 16): number {
    const at = Math.ceil(this.#top / alignment) * alignment;
    this.#top = at + length;
    if (this.#top > this.bytes.length) throw new Error('out of memory');
    return at;
  }

  setDescriptor(
    table: number,
    index: number,
    { address, length, flags = 0, next = 0 }: Descriptor,
  ): void {
    const at = table + index * 16;
    this.view.setBigUint64(at, BigInt(address), true);
    this.view.setUint32(at + 8, length, true);
    this.view.setUint16(at + 12, flags, true);
    this.view.setUint16(at + 14, next, true);
  }
}

/** The driver's side of a split virtqueue. */
export class FakeRing {
  readonly guest: FakeGuest;
  readonly size: number;
  readonly table: number;
  readonly available: number;
  readonly used: number;
  #nextDescriptor = 0;
  #available: number;
  #announced: number;
  #seen: number;

  /** @param start the index that both rings begin with */
  constructor(guest: FakeGuest, size: number, start = 0) {
    this.guest = guest;
    this.size = size;
    this.table = guest.allocate(size * 16);
    this.available = guest.allocate(6 + size * 2, 2);
    this.used = guest.allocate(6 + size * 8, 4);
    this.#available = this.#announced = this.#seen = start;
    guest.view.setUint16(this.available + 2, start, true);
    guest.view.setUint16(this.used + 2, start, true);
  }

  get addresses(): RingAddresses {
    return {
      descriptors: USER_ADDRESS + this.table,
      available: USER_ADDRESS + this.available,
      used: USER_ADDRESS + this.used,
    };
  }

  /** Puts a request into the ring: the parts of it, and the lengths of the room for its reply. */
  offer(
    parts: readonly Uint8Array[],
    room: readonly number[] = [],
    isIndirect = false,
  ): Offer {
    const { guest } = this;
    const places = [
      ...parts.map((part) => {
        const at = guest.allocate(part.length, 1);
        guest.bytes.set(part, at);
        return { at, length: part.length, flags: 0 };
      }),
      ...room.map((length) => ({
        at: guest.allocate(length, 1),
        length,
        flags: WRITE,
      })),
    ];
    const table = isIndirect ? guest.allocate(places.length * 16) : this.table;
    const first = isIndirect ? 0 : this.#nextDescriptor;
    const count = isIndirect ? places.length : this.size;
    places.forEach(({ at, length, flags }, i) => {
      const next = (first + i + 1) % count;
      const isLast = i === places.length - 1;
      guest.setDescriptor(table, (first + i) % count, {
        address: GUEST_ADDRESS + at,
        length,
        flags: isLast ? flags : flags | NEXT,
        next,
      });
    });
    const head = this.#nextDescriptor;
    if (isIndirect)
      guest.setDescriptor(this.table, head, {
        address: GUEST_ADDRESS + table,
        length: places.length * 16,
        flags: INDIRECT,
      });
    this.#nextDescriptor =
      (head + (isIndirect ? 1 : places.length)) % this.size;
    this.offerHead(head);
    return {
      head,
      room: places
        .filter(({ flags }) => flags === WRITE)
        .map(({ at, length }) => guest.bytes.subarray(at, at + length)),
    };
  }

  /** Puts a descriptor's number into the ring, whatever is there. */
  offerHead(head: number): void {
    const { view } = this.guest;
    const slot = this.#available % this.size;
    view.setUint16(this.available + 4 + slot * 2, head, true);
    this.setIndex(this.#available + 1);
  }

  /** Says how many requests were ever offered. */
  setIndex(index: number): void {
    this.#available = index & 0xffff;
    this.guest.view.setUint16(this.available + 2, this.#available, true);
  }

  /** Whether the device wants to hear of what was offered since the last time. */
  isKickDue(): boolean {
    const event = this.guest.view.getUint16(
      this.used + 4 + this.size * 8,
      true,
    );
    const before = this.#announced;
    this.#announced = this.#available;
    return isEventDue(event, this.#available, before);
  }

  /** What came back since the last call. */
  takeUsed(): { head: number; length: number }[] {
    const { view } = this.guest;
    const back: { head: number; length: number }[] = [];
    const index = view.getUint16(this.used + 2, true);
    for (; this.#seen !== index; this.#seen = (this.#seen + 1) & 0xffff) {
      const at = this.used + 4 + (this.#seen % this.size) * 8;
      back.push({
        head: view.getUint32(at, true),
        length: view.getUint32(at + 4, true),
      });
    }
    return back;
  }

  /** Wants to hear of the next one that comes back after that many were seen. */
  setUsedEvent(index: number): void {
    this.guest.view.setUint16(
      this.available + 4 + this.size * 2,
      index & 0xffff,
      true,
    );
  }
}
