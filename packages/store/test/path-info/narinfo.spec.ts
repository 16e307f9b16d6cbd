import { describe, expect, it } from '@jest/globals';
import { Directory } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import { formatNarInfo, parseNarInfo } from '@tvix/nar';
import {
  pathInfoFromNarInfo,
  pathInfoToNarInfo,
} from '../../src/path-info/narinfo.ts';
import { PathInfo } from '../../src/path-info/path-info.ts';
import type { PathNarInfo } from '../../src/path-info/path-nar-info.ts';
import { NARInfo_CA_Hash as Hash } from '../../src/proto/index.ts';
import { hex } from '../fixtures.ts';

const NODE: Node = {
  type: 'directory',
  digest: Directory.EMPTY.digest,
  size: 0n,
};

const HELLO = `StorePath: /nix/store/s66mzxpvicwk07gjbjfw9izjfa797vsw-hello-2.12.1
URL: nar/1nhgq6wcggx0plpy4991h3ginj6hipsdslv4fd4zml1n707j26yq.nar.xz
Compression: xz
FileHash: sha256:1nhgq6wcggx0plpy4991h3ginj6hipsdslv4fd4zml1n707j26yq
FileSize: 50088
NarHash: sha256:0yzhigwjl6bws649vcs2asa4lbs8hg93hyix187gc7s7a74w5h80
NarSize: 226488
References: 3n58xw4373jp0ljirf06d8077j15pc4j-glibc-2.37-8 s66mzxpvicwk07gjbjfw9izjfa797vsw-hello-2.12.1
Deriver: ib3sh3pcz10wsmavxvkdbayhqivbghlq-hello-2.12.1.drv
Sig: cache.nixos.org-1:8ijECciSFzWHwwGVOIVYdp2fOIOJAfmzGHPQVwpktfTQJF6kMPPDre7UtFw3o+VqenC5P8RikKOAAfN7CvPEAg==`;

const TARBALL = `StorePath: /nix/store/pa10z4ngm0g83kx9mssrqzz30s84vq7k-hello-2.12.1.tar.gz
URL: nar/1zjrhzhaizsrlsvdkqfl073vivmxcqnzkff4s50i0cdf541ary1r.nar.xz
Compression: xz
FileHash: sha256:1zjrhzhaizsrlsvdkqfl073vivmxcqnzkff4s50i0cdf541ary1r
FileSize: 1033524
NarHash: sha256:1lvqpbk2k1sb39z8jfxixf7p7v8sj4z6mmpa44nnmff3w1y6h8lh
NarSize: 1033416
References:${' '}
Deriver: dyivpmlaq2km6c11i0s6bi6mbsx0ylqf-hello-2.12.1.tar.gz.drv
Sig: cache.nixos.org-1:ywnIG629nQZQhEr6/HLDrLT/mUEp5J1LC6NmWSlJRWL/nM7oGItJQUYWGLvYGhSQvHrhIuvMpjNmBNh/WWqCDg==
CA: fixed:sha256:086vqwk2wl8zfs47sq2xpjc9k066ilmb8z6dn0q6ymwjzlm196cd
`;

describe('a narinfo as path info', () => {
  it('keeps references, deriver and signatures', () => {
    const message = pathInfoFromNarInfo(parseNarInfo(HELLO), NODE).toMessage();
    expect(message.references.map(hex)).toEqual([
      '92b05b823c07a06680cb515270e53883f08e8a1d',
      '5cef938e72f2c7c49d5cf21d30398bfbf65f8dd1',
    ]);
    const narInfo = message.narinfo!;
    expect(narInfo.narSize).toBe(226488n);
    expect(hex(narInfo.narSha256)).toBe(
      '00c1c2c951471ff60e0a3d7a38d283482f4a945642b39d88d17c192af98bf07b',
    );
    expect(narInfo.referenceNames).toEqual([
      '3n58xw4373jp0ljirf06d8077j15pc4j-glibc-2.37-8',
      's66mzxpvicwk07gjbjfw9izjfa797vsw-hello-2.12.1',
    ]);
    expect(narInfo.deriver?.name).toBe('hello-2.12.1');
    expect(hex(narInfo.deriver!.digest)).toBe(
      '98c2b776c4d0abd5e6ee5b55cd41f8ec0ea8c78a',
    );
    expect(
      narInfo.signatures.map(({ name, data }) => [name, data.length]),
    ).toEqual([['cache.nixos.org-1', 64]]);
    expect(narInfo.ca).toBeUndefined();
  });

  it('is the same after a way through the message', () => {
    for (const text of [HELLO, TARBALL]) {
      const encoded = pathInfoFromNarInfo(parseNarInfo(text), NODE).encode();
      expect(hex(PathInfo.decode(encoded).encode())).toBe(hex(encoded));
    }
  });

  it('converts back without what is lost, and compression none', () => {
    const pathInfo = pathInfoFromNarInfo(parseNarInfo(TARBALL), NODE);
    expect(pathInfo.narInfo?.ca?.type).toBe(Hash.FLAT_SHA256);
    expect(hex(pathInfo.narInfo!.ca!.digest)).toBe(
      '8d99142afd92576f30b0cd7cb42a8dc6809998bc5d607d88761f512e26c7db20',
    );
    expect(formatNarInfo(pathInfoToNarInfo(pathInfo, 'some.nar')!)).toBe(
      TARBALL.replace(/URL: .*/, 'URL: some.nar')
        .replace('Compression: xz', 'Compression: none')
        .replace(/File.*\n/g, ''),
    );
  });

  it('takes a recursive sha1 address', () => {
    const text = TARBALL.replace(
      /CA: .*/,
      'CA: fixed:r:sha1:1ak1ymbmsfx7z8kh09jzkr3a4dvkrfjw',
    );
    const ca = pathInfoFromNarInfo(parseNarInfo(text), NODE).narInfo!.ca!;
    expect(ca.type).toBe(Hash.NAR_SHA1);
    expect(hex(ca.digest)).toBe('5cba3c77236ae4f9650270a27fbad375551fa60a');
  });
});

describe('a path info as narinfo', () => {
  const facts = pathInfoFromNarInfo(parseNarInfo(TARBALL), NODE);
  const withFacts = (change: Partial<PathNarInfo>): PathInfo =>
    PathInfo.create(facts.storePath, NODE, { ...facts.narInfo!, ...change });

  it.each([
    ['NAR_SHA256', 32, 'fixed:r:sha256:'],
    ['NAR_SHA1', 20, 'fixed:r:sha1:'],
    ['NAR_SHA512', 64, 'fixed:r:sha512:'],
    ['NAR_MD5', 16, 'fixed:r:md5:'],
    ['TEXT_SHA256', 32, 'text:sha256:'],
    ['FLAT_SHA1', 20, 'fixed:sha1:'],
    ['FLAT_MD5', 16, 'fixed:md5:'],
    ['FLAT_SHA256', 32, 'fixed:sha256:'],
    ['FLAT_SHA512', 64, 'fixed:sha512:'],
  ] as const)(
    'shows the content address %s, and gets it back',
    (name, length, prefix) => {
      const ca = { type: Hash[name], digest: new Uint8Array(length).fill(7) };
      const text = formatNarInfo(
        pathInfoToNarInfo(withFacts({ ca }), 'x.nar')!,
      );
      expect(text).toContain(`\nCA: ${prefix}`);
      const back = pathInfoFromNarInfo(parseNarInfo(text), NODE).narInfo!.ca!;
      expect(back.type).toBe(ca.type);
      expect(hex(back.digest)).toBe(hex(ca.digest));
    },
  );

  it('is absent where nothing is known of the NAR', () => {
    expect(
      pathInfoToNarInfo(PathInfo.createBare(facts.storePath, NODE), 'x.nar'),
    ).toBeUndefined();
  });

  it('refuses a content address of an unknown type', () => {
    const pathInfo = withFacts({ ca: { type: 9, digest: new Uint8Array(32) } });
    expect(() => pathInfoToNarInfo(pathInfo, 'x.nar')).toThrow(
      expect.objectContaining({
        code: 'store/unknown-ca-type',
        details: { type: 9 },
      }),
    );
  });

  it('refuses a content address whose digest has another length', () => {
    const pathInfo = withFacts({
      ca: { type: Hash.NAR_SHA1, digest: new Uint8Array(32) },
    });
    expect(() => pathInfoToNarInfo(pathInfo, 'x.nar')).toThrow(
      expect.objectContaining({
        code: 'store/invalid-ca-digest-length',
        details: { length: 32, type: 'NAR_SHA1' },
      }),
    );
  });

  it.each([
    ['of another length', { name: 'key', data: new Uint8Array(63) }],
    [
      'whose name would break the line',
      { name: 'key\nSystem: x', data: new Uint8Array(64) },
    ],
    ['without a name', { name: '', data: new Uint8Array(64) }],
  ])('refuses a signature %s', (_, signature) => {
    expect(() =>
      pathInfoToNarInfo(withFacts({ signatures: [signature] }), 'x.nar'),
    ).toThrow(expect.objectContaining({ code: 'store/invalid-signature' }));
  });
});
