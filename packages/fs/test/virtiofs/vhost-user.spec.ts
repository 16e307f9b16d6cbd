import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  encodeReply,
  encodeVringReply,
  parseHeader,
  parseMemoryTable,
  parseUint64,
  parseVringAddresses,
  parseVringDescriptor,
  parseVringState,
} from '../../src/virtiofs/vhost-user.ts';
import type { Message } from '../../src/virtiofs/vhost-user.ts';

function message(
  payload: Uint8Array,
  descriptors: readonly number[] = [],
): Message {
  const copy = new Uint8Array(payload);
  return {
    request: 5,
    needsReply: false,
    payload: new DataView(copy.buffer),
    descriptors,
  };
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function longs(...values: (number | bigint)[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values.map(BigInt)).buffer);
}

const REFUSED = expect.objectContaining({ code: 'fs/bad-front-end' });

describe('a header of vhost-user', () => {
  it('tells the request, the length, and whether an acknowledgement is asked for', () => {
    expect(parseHeader(words(5, 0b1001, 72))).toEqual({
      request: 5,
      needsReply: true,
      payloadBytes: 72,
    });
  });

  for (const [what, flags, length] of [
    ['of another version', 2, 8],
    ['that is a reply', 5, 8],
    ['with a payload that no request has', 1, 0xffffffff],
  ] as const) {
    it(`is refused ${what}`, () => {
      expect(() => parseHeader(words(1, flags, length))).toThrow(REFUSED);
    });
  }
});

describe('a reply of vhost-user', () => {
  it('is marked as one and carries 64 bits', () => {
    expect(encodeReply(1, 0x170000000n)).toEqual(
      Uint8Array.from([...words(1, 5, 8), ...longs(0x170000000n)]),
    );
  });

  it('names the queue and then its value', () => {
    expect(encodeVringReply(11, 1, 65535).subarray(12)).toEqual(
      words(1, 65535),
    );
  });
});

describe('a payload of vhost-user', () => {
  it('says where the parts of a queue are', () => {
    const payload = Buffer.concat([
      words(1, 0),
      longs(0x1000, 0x3000, 0x2000, 0),
    ]);
    expect(parseVringAddresses(message(payload))).toEqual({
      index: 1,
      addresses: { descriptors: 0x1000, used: 0x3000, available: 0x2000 },
    });
  });

  it('says which queue a descriptor is for, or that there is none', () => {
    expect(parseVringDescriptor(message(longs(1), [7]))).toEqual({
      index: 1,
      descriptor: 7,
    });
    expect(parseVringDescriptor(message(longs(0x101)))).toEqual({
      index: 1,
      descriptor: undefined,
    });
    expect(() => parseVringDescriptor(message(longs(1)))).toThrow(REFUSED);
    expect(() => parseVringDescriptor(message(longs(0x101), [7]))).toThrow(
      REFUSED,
    );
  });

  it('places all regions of memory, each in its file', () => {
    const payload = Buffer.concat([
      words(2, 0),
      longs(0, 0x80000000, 0x7f0000000000, 0),
      longs(0x100000000, 0x40000000, 0x7f0080000000, 0x80000000),
    ]);
    expect(parseMemoryTable(message(payload, [5, 6]))).toEqual([
      {
        guestAddress: 0,
        size: 0x80000000,
        userAddress: 0x7f0000000000,
        offset: 0,
      },
      {
        guestAddress: 0x100000000,
        size: 0x40000000,
        userAddress: 0x7f0080000000,
        offset: 0x80000000,
      },
    ]);
  });

  for (const [what, region] of [
    ['is empty', longs(0, 0, 0, 0)],
    ['ends behind the last address', longs(2n ** 64n - 1n, 1, 0, 0)],
    ['ends behind the last safe integer', longs(2n ** 53n - 1n, 4096, 0, 0)],
  ] as const) {
    it(`is refused where a region ${what}`, () => {
      const payload = Buffer.concat([words(1, 0), region]);
      expect(() => parseMemoryTable(message(payload, [5]))).toThrow(REFUSED);
    });
  }

  it('is refused where regions and files differ in number', () => {
    const payload = Buffer.concat([words(1, 0), longs(0, 4096, 0, 0)]);
    expect(() => parseMemoryTable(message(payload))).toThrow(REFUSED);
    expect(() => parseMemoryTable(message(words(0xffffffff, 0), [5]))).toThrow(
      REFUSED,
    );
  });

  it('of any bytes is understood or refused, never anything else', () => {
    const parsers = [
      parseUint64,
      parseVringState,
      parseVringAddresses,
      parseVringDescriptor,
      parseMemoryTable,
    ];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.array(fc.nat(), { maxLength: 3 }),
        (payload, descriptors) => {
          for (const parse of parsers) {
            try {
              parse(message(payload, descriptors));
            } catch (error) {
              expect(error).toMatchObject({ code: 'fs/bad-front-end' });
            }
          }
        },
      ),
    );
  });
});
