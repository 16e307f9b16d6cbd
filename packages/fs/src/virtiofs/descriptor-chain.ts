import { badGuest } from './guest-memory.ts';
import type { GuestMemory } from './guest-memory.ts';

/** A part of a request or of the room for its reply. */
interface Segment {
  readonly address: number;
  length: number;
}

/** The length of a descriptor: address u64, length u32, flags u16, next u16. */
export const DESCRIPTOR_BYTES = 16;
/** As many segments as a request may have where the queue itself is shorter; qemu has the same limit. */
const MAX_SEGMENTS = 1024;

const FLAG_NEXT = 1;
const FLAG_WRITE = 2;
const FLAG_INDIRECT = 4;

/**
 * A request as the guest put it into a queue: segments of memory to read it from, and after them segments to write the
 * reply to. Holds addresses alone, checked but not mapped: memory may move before the reply is there.
 */
export class DescriptorChain {
  /** Names the chain in its queue. */
  readonly head: number;
  readonly #memory: GuestMemory;
  readonly #readable: Segment[] = [];
  readonly #writable: Segment[] = [];
  readonly #maxSegments: number;
  #segments = 0;
  #writableBytes = 0;

  /**
   * Walks a chain.
   *
   * @param table the queue's descriptors
   * @throws FsError `fs/bad-guest` when it leaves the table or the memory, is too long or turns back on itself, or is
   *   not in order
   */
  constructor(
    memory: GuestMemory,
    table: DataView,
    head: number,
    mayBeIndirect: boolean,
  ) {
    this.head = head;
    this.#memory = memory;
    this.#maxSegments = Math.max(
      table.byteLength / DESCRIPTOR_BYTES,
      MAX_SEGMENTS,
    );
    this.#walk(table, head, mayBeIndirect);
    for (const { address, length } of this.#readable)
      memory.check(address, length);
    for (const { address, length } of this.#writable)
      memory.check(address, length);
  }

  /** How much room there is for a reply, in bytes. */
  get writableBytes(): number {
    return this.#writableBytes;
  }

  /** Copies the request into a buffer, as much of it as fits, and answers how much that was. */
  read(into: Uint8Array): number {
    let done = 0;
    for (const { address, length } of this.#readable) {
      const take = Math.min(length, into.length - done);
      if (take === 0) break;
      this.#memory.read(address, into.subarray(done, done + take));
      done += take;
    }
    return done;
  }

  /**
   * Copies a reply into the room that there is for it, which must be enough.
   *
   * @param memory the guest's memory, as it is by now
   * @throws FsError `fs/bad-guest`
   */
  write(memory: GuestMemory, parts: readonly Uint8Array[]): void {
    let next = 0;
    let address = 0;
    let room = 0;
    for (const part of parts) {
      for (let done = 0; done < part.length;) {
        if (room === 0) {
          const segment = this.#writable[next++];
          if (segment === undefined)
            throw new RangeError('the reply is longer than its room');
          ({ address, length: room } = segment);
        }
        const take = Math.min(room, part.length - done);
        memory.write(address, part.subarray(done, done + take));
        address += take;
        room -= take;
        done += take;
      }
    }
  }

  #walk(table: DataView, first: number, mayBeIndirect: boolean): void {
    const count = table.byteLength / DESCRIPTOR_BYTES;
    for (let index = first, steps = 0; ;) {
      if (index >= count) throw badGuest(`descriptor ${index} of ${count}`);
      if (++steps > count) throw badGuest('a chain of descriptors is a loop');
      const at = index * DESCRIPTOR_BYTES;
      const address =
        table.getUint32(at, true) + table.getUint32(at + 4, true) * 2 ** 32;
      const length = table.getUint32(at + 8, true);
      const flags = table.getUint16(at + 12, true);
      const next = table.getUint16(at + 14, true);
      if ((flags & FLAG_INDIRECT) !== 0) {
        if (!mayBeIndirect || (flags & FLAG_NEXT) !== 0)
          throw badGuest('a table of descriptors where none may be');
        return this.#walk(this.#indirect(address, length), 0, false);
      }
      if (++this.#segments > this.#maxSegments)
        throw badGuest('a chain is too long');
      this.#add(address, length, (flags & FLAG_WRITE) !== 0);
      if ((flags & FLAG_NEXT) === 0) return;
      index = next;
    }
  }

  #indirect(address: number, length: number): DataView {
    const isTable =
      length > 0 &&
      length % DESCRIPTOR_BYTES === 0 &&
      length <= DESCRIPTOR_BYTES * 2 ** 15;
    if (!isTable) throw badGuest(`a table of descriptors of ${length} bytes`);
    return this.#memory.view(address, length);
  }

  #add(address: number, length: number, isWritable: boolean): void {
    if (!isWritable && this.#writable.length > 0)
      throw badGuest('a part of a request after the room for its reply');
    if (length === 0) return;
    if (isWritable) this.#writableBytes += length;
    const segments = isWritable ? this.#writable : this.#readable;
    const last = segments.at(-1);
    // Pages of a buffer are often neighbours: one copy then.
    if (last !== undefined && last.address + last.length === address)
      last.length += length;
    else segments.push({ address, length });
  }
}
