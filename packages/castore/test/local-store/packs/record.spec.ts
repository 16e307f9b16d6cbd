import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { encodeIndexEntry } from '../../../src/local-store/index/index-entry.ts';
import { encodePackTrailer } from '../../../src/local-store/packs/pack-footer.ts';
import {
  decodePackHeader,
  encodePackHeader,
  packTag,
} from '../../../src/local-store/packs/pack-header.ts';
import { PackListing } from '../../../src/local-store/packs/pack-listing.ts';
import {
  Codec,
  decodeRecordHeader,
  encodeRecordHeader,
  type RecordHeader,
  RecordKind,
} from '../../../src/local-store/packs/record.ts';
import { encodeTableEntry } from '../../../src/local-store/tables/table-entry.ts';

const id = Uint8Array.from({ length: 16 }, (_, i) => i);
const key = Uint8Array.from({ length: 32 }, (_, i) => 0xe0 ^ i);
const payload = Buffer.from('payload');
const header: RecordHeader = {
  codec: Codec.zstd,
  kind: RecordKind.chunk,
  key,
  storedLength: payload.length,
  rawLength: 1000,
  payloadCrc: crc32(payload),
};

function encoded(tag = packTag(id)): Buffer {
  const bytes = Buffer.alloc(64);
  encodeRecordHeader(header, header.storedLength, tag, bytes, 0);
  return bytes;
}

// The bytes of existing stores, computed from the tables by another program: a change here needs a new version.
describe('the format on disk', () => {
  it('has this record header', () => {
    expect(encoded().toString('hex')).toBe(
      '894341535245430a01010100' +
        'e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff' +
        '07000000e8030000156a2c42' +
        '88e2cece' +
        'f57918fd',
    );
  });

  it('has this pack header', () => {
    const bytes = encodePackHeader({
      number: 7,
      id,
      storeId: key.subarray(0, 16),
      createdMs: 1_700_000_000_000,
    });
    expect(bytes.toString('hex')).toBe(
      '8943415350414b0a0100000007000000000102030405060708090a0b0c0d0e0fe0e1e2e3e4e5e6e7e8e9eaebecedeeef0068e5cf8b01000000000000aaf2ae08',
    );
    expect(decodePackHeader(bytes)).toMatchObject({ number: 7, id });
  });

  it('has this footer and trailer', () => {
    const listing = PackListing.empty();
    listing.add({ ...header, offset: 64 });
    expect(listing.encode().toString('hex')).toBe(
      '01010000e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff0800000007000000e8030000',
    );
    expect(encodePackTrailer(4096, 1).toString('hex')).toBe(
      '89434153454e440a00100000000000000100000000000000000000003247cb4b',
    );
  });

  it('has this index entry', () => {
    const location = { ...header, pack: 7, offset: 64 };
    const indexKey = Buffer.concat([Buffer.of(1), key]);
    expect(
      encodeIndexEntry(indexKey, location, 9, undefined).toString('hex'),
    ).toBe('01010000070000000800000007000000e80300000900000096d054f3');
  });

  it('has this table entry', () => {
    const entry = {
      table: 'things',
      key: Buffer.from('key'),
      sequence: 258,
      value: Buffer.from('value'),
    };
    expect(encodeTableEntry(entry).toString('hex')).toBe(
      '010006000300000002010000000000007468696e67736b657976616c7565',
    );
  });
});

describe('decodeRecordHeader', () => {
  it('reads what was written', () => {
    const { key: readKey, ...rest } = decodeRecordHeader(
      encoded(),
      packTag(id),
    )!;
    expect({ ...rest, key: new Uint8Array(readKey) }).toEqual(header);
  });

  it('refuses a header with any bit flipped', () => {
    for (let bit = 0; bit < 64 * 8; bit += 1) {
      const bytes = encoded();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeRecordHeader(bytes, packTag(id))).toBeUndefined();
    }
  });

  it('refuses a header that was written for another pack', () => {
    expect(decodeRecordHeader(encoded(1), packTag(id))).toBeUndefined();
  });

  it('refuses a header that is cut off', () => {
    expect(
      decodeRecordHeader(encoded().subarray(0, 63), packTag(id)),
    ).toBeUndefined();
  });
});
