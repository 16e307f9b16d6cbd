import { createHash } from 'node:crypto';
import { describe, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeBase64, encodeBase64 } from '../src/base64.ts';
import { NarError } from '../src/errors.ts';
import { formatNarInfo } from '../src/narinfo-format.ts';
import { parseNarInfo } from '../src/narinfo-parse.ts';
import type { NarInfo } from '../src/narinfo.ts';
import { type HashAlgo, NixHash } from '../src/nix-hash.ts';
import { decodeNixBase32, encodeNixBase32 } from '../src/nixbase32.ts';
import { sha256 } from '../src/sha256.ts';
import { StorePath } from '../src/store-path.ts';
import { check } from './support/arbitrary-tree.ts';

const same = (a: Uint8Array, b: Uint8Array): boolean =>
  Buffer.compare(a, b) === 0;
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

const storePath = fc
  .tuple(
    fc.stringMatching(/^[0-9A-Za-z+\-_?=][0-9A-Za-z+\-_?=.]{0,210}$/),
    bytes(20),
  )
  .map(([name, digest]) => StorePath.fromNameAndDigest(name, digest));

const hash = fc
  .constantFrom<[HashAlgo, number]>(
    ['md5', 16],
    ['sha1', 20],
    ['sha256', 32],
    ['sha512', 64],
  )
  .chain(([algo, length]) =>
    bytes(length).map((digest) => NixHash.from(algo, digest)),
  );

const line = fc.stringMatching(/^[^\r\n]+$/);
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const optional = <Value>(
  value: fc.Arbitrary<Value>,
): fc.Arbitrary<Value | undefined> => fc.option(value, { nil: undefined });

const narInfo = fc
  .record({
    storePath,
    url: line,
    compression: line,
    fileSha256: optional(bytes(32)),
    fileSize: optional(uint64),
    narSha256: bytes(32),
    narSize: uint64,
    references: fc.array(storePath, { maxLength: 5 }),
    deriver: optional(storePath.filter(({ name }) => name.length < 207)),
    system: optional(line),
    signatures: fc.array(
      fc.record({
        name: fc.stringMatching(/^[A-Za-z0-9.-]+$/),
        bytes: bytes(64),
      }),
      { maxLength: 3 },
    ),
    ca: optional(fc.record({ method: fc.constantFrom('flat', 'nar'), hash })),
  })
  // An absent field is no field, not one that holds `undefined`.
  .map(
    (record) =>
      Object.fromEntries(
        Object.entries(record).filter(([, value]) => value !== undefined),
      ) as unknown as NarInfo,
  );

describe('any bytes', () => {
  it('survive nixbase32', () => {
    check(
      fc.property(fc.uint8Array(), (value) =>
        same(decodeNixBase32(encodeNixBase32(value)), value),
      ),
    );
  });

  it('survive base64', () => {
    check(
      fc.property(fc.uint8Array(), (value) =>
        same(decodeBase64(encodeBase64(value)), value),
      ),
    );
  });

  it('have the SHA-256 of the platform', () => {
    const digest = (value: Uint8Array): Uint8Array =>
      createHash('sha256').update(value).digest();
    check(
      fc.property(fc.uint8Array({ maxLength: 1000 }), (value) =>
        same(sha256(value), digest(value)),
      ),
    );
  });
});

describe('any text', () => {
  it('is refused as nixbase32 or is the one encoding of its bytes', () => {
    const text = fc.stringMatching(/^[0-9a-z]{0,40}$/);
    check(
      fc.property(text, (value) =>
        accepts(value, (it) => encodeNixBase32(decodeNixBase32(it))),
      ),
      1000,
    );
  });

  it('is refused as base64 or is the one encoding of its bytes', () => {
    const text = fc.stringMatching(/^[A-Za-z0-9+/]{0,40}={0,3}$/);
    check(
      fc.property(text, (value) =>
        accepts(value, (it) => encodeBase64(decodeBase64(it))),
      ),
      1000,
    );
  });

  it('is refused as a store path or is the one text of it', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[0-9a-z]{32}-?[ -~]{0,8}$/),
    );
    check(
      fc.property(text, (value) =>
        accepts(value, (it) => String(StorePath.parse(it))),
      ),
      1000,
    );
  });
});

describe('any value', () => {
  it('of a store path survives its text', () => {
    check(
      fc.property(storePath, (path) => {
        const full = StorePath.fromAbsolutePathFull(
          `${path.toAbsolutePath()}/bin`,
        );
        return (
          StorePath.parse(String(path)).equals(path) &&
          full.storePath.equals(path) &&
          full.relativePath === 'bin'
        );
      }),
    );
  });

  it('of a hash survives every encoding', () => {
    check(
      fc.property(
        hash,
        fc.constantFrom('hex', 'nixbase32', 'base64'),
        (value, encoding) => {
          return (
            NixHash.parse(value.format(encoding)).equals(value) &&
            NixHash.parse(value.toSri()).equals(value)
          );
        },
      ),
    );
  });

  it('of a narinfo survives its file', () => {
    check(
      fc.property(narInfo, (info) => {
        const text = formatNarInfo(info);
        const parsed = parseNarInfo(text);
        return (
          formatNarInfo(parsed) === text &&
          parsed.narSize === info.narSize &&
          parsed.url === info.url
        );
      }),
    );
  });
});

/** Whether a text is either refused by this package, or comes back unchanged. */
function accepts(text: string, roundTrip: (text: string) => string): boolean {
  try {
    return roundTrip(text) === text;
  } catch (error) {
    return error instanceof NarError;
  }
}
