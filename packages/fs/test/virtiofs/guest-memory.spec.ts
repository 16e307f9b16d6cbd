import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GuestMemory } from '../../src/virtiofs/guest-memory.ts';
import type { MemoryRegion } from '../../src/virtiofs/guest-memory.ts';

const REFUSED = expect.objectContaining({ code: 'fs/bad-guest' });
const USER_ADDRESS = 0x7f0000000000;

/** A region whose windows, as those of no real memory do, begin as copies; so each byte tells where it is. */
function region(guestAddress: number, size: number, first = 0): MemoryRegion {
  return {
    guestAddress,
    userAddress: USER_ADDRESS + guestAddress,
    size,
    window: (offset, length) =>
      Uint8Array.from({ length }, (_, i) => first + offset + i).buffer,
  };
}

const WINDOWS = { windowBytes: 16, overlapBytes: 4 };

function bytesAt(memory: GuestMemory, at: number, length: number): number[] {
  const bytes = new Uint8Array(length);
  memory.read(at, bytes);
  return [...bytes];
}

describe('the memory of a guest', () => {
  it('is read across windows and across regions that touch', () => {
    const memory = new GuestMemory(
      [region(0, 40), region(40, 24, 100)],
      WINDOWS,
    );
    expect(bytesAt(memory, 10, 34)).toEqual([
      ...Array.from({ length: 30 }, (_, i) => 10 + i),
      100,
      101,
      102,
      103,
    ]);
  });

  it('is written where it is read', () => {
    const memory = new GuestMemory([region(64, 64)], {
      windowBytes: 64,
      overlapBytes: 0,
    });
    memory.write(70, Uint8Array.of(9, 8, 7));
    expect(bytesAt(memory, 69, 5)).toEqual([5, 9, 8, 7, 9]);
  });

  it('ends at the end of its regions', () => {
    const memory = new GuestMemory([region(0, 40), region(64, 8)], WINDOWS);
    expect(() => bytesAt(memory, 36, 5)).toThrow(REFUSED);
    expect(() => memory.write(71, new Uint8Array(2))).toThrow(REFUSED);
    expect(() => memory.check(39, 2)).toThrow(REFUSED);
    expect(() => memory.check(2 ** 64, 1)).toThrow(REFUSED);
    expect(() => memory.check(0, 2 ** 32)).toThrow(REFUSED);
    expect(() => memory.check(64, 8)).not.toThrow();
  });

  it('shows small structures by either address, in one piece', () => {
    const memory = new GuestMemory([region(0, 40)], WINDOWS);
    expect(memory.view(15, 5).getUint8(4)).toBe(19);
    expect(memory.userView(USER_ADDRESS + 32, 8).getUint8(0)).toBe(32);
    expect(() => memory.view(38, 3)).toThrow(REFUSED);
    expect(() => memory.userView(USER_ADDRESS + 40, 1)).toThrow(REFUSED);
    expect(() => memory.userView(0, 1)).toThrow(REFUSED);
  });

  it('is gone once it is closed', () => {
    const memory = new GuestMemory([region(0, 40)], WINDOWS);
    bytesAt(memory, 0, 1);
    memory.close();
    expect(() => bytesAt(memory, 0, 1)).toThrow(REFUSED);
    expect(() => memory.userView(USER_ADDRESS, 1)).toThrow(REFUSED);
  });

  it('is never reached outside, whatever the range', () => {
    const regions = [region(8, 50), region(58, 13, 50), region(100, 20)];
    const isThere = (at: number): boolean =>
      (at >= 8 && at < 71) || (at >= 100 && at < 120);
    fc.assert(
      fc.property(fc.nat(130), fc.nat(70), (at, length) => {
        const memory = new GuestMemory(regions, WINDOWS);
        const all = Array.from({ length }, (_, i) => at + i);
        if (all.every(isThere)) {
          memory.check(at, length);
          expect(bytesAt(memory, at, length)).toEqual(
            all.map((address) => address - (address < 100 ? 8 : 100)),
          );
        } else {
          expect(() => memory.check(at, length)).toThrow(REFUSED);
          expect(() => bytesAt(memory, at, length)).toThrow(REFUSED);
        }
      }),
    );
  });
});
