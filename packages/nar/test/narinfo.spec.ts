import { describe, expect, it } from '@jest/globals';
import { formatContentAddress } from '../src/content-address.ts';
import { fingerprint } from '../src/fingerprint.ts';
import { formatNarInfo } from '../src/narinfo-format.ts';
import { parseNarInfo } from '../src/narinfo-parse.ts';
import type { NarInfo } from '../src/narinfo.ts';
import { encodeNixBase32 } from '../src/nixbase32.ts';
import { NARINFOS } from './support/narinfos.ts';
import { narErrorOf } from './support/outcome.ts';

const { hello, tarball, glog, curl, texlive, hexHash, unordered } =
  NARINFOS.records;
const digests = (paths: NarInfo['references']): string[] =>
  paths.map(({ digest }) => Buffer.from(digest).toString('hex'));

/** `hello` with a line changed, or dropped. */
function helloWith(key: string, value: string | undefined): string {
  return hello.replace(
    new RegExp(`^${key}: .*\n?`, 'm'),
    value === undefined ? '' : `${key}: ${value}\n`,
  );
}

describe('parseNarInfo', () => {
  it('reads a record of a cache', () => {
    const info = parseNarInfo(hello);
    expect(info.storePath.toAbsolutePath()).toBe(
      '/nix/store/s66mzxpvicwk07gjbjfw9izjfa797vsw-hello-2.12.1',
    );
    expect(info.url).toBe(
      'nar/1nhgq6wcggx0plpy4991h3ginj6hipsdslv4fd4zml1n707j26yq.nar.xz',
    );
    expect([info.compression, info.fileSize, info.narSize]).toEqual([
      'xz',
      50088n,
      226488n,
    ]);
    expect(encodeNixBase32(info.fileSha256!)).toBe(
      '1nhgq6wcggx0plpy4991h3ginj6hipsdslv4fd4zml1n707j26yq',
    );
    expect(Buffer.from(info.narSha256).toString('hex')).toBe(
      '00c1c2c951471ff60e0a3d7a38d283482f4a945642b39d88d17c192af98bf07b',
    );
    expect(info.references.map(String)).toEqual([
      '3n58xw4373jp0ljirf06d8077j15pc4j-glibc-2.37-8',
      's66mzxpvicwk07gjbjfw9izjfa797vsw-hello-2.12.1',
    ]);
    expect(digests(info.references)).toEqual([
      '92b05b823c07a06680cb515270e53883f08e8a1d',
      '5cef938e72f2c7c49d5cf21d30398bfbf65f8dd1',
    ]);
    expect([info.deriver?.name, ...digests([info.deriver!])]).toEqual([
      'hello-2.12.1',
      '98c2b776c4d0abd5e6ee5b55cd41f8ec0ea8c78a',
    ]);
    expect(
      info.signatures.map(({ name, bytes }) => [name, bytes.length]),
    ).toEqual([['cache.nixos.org-1', 64]]);
    expect([info.ca, info.system]).toEqual([undefined, undefined]);
    expect(info.flags).toEqual(new Set());
  });

  it('reads the same from bytes', () => {
    expect(parseNarInfo(Uint8Array.from(Buffer.from(hello)))).toEqual(
      parseNarInfo(hello),
    );
    expect(
      narErrorOf(() => parseNarInfo(Uint8Array.of(0xff))).details.reason,
    ).toBe('InvalidUtf8');
  });

  it('reads content addresses', () => {
    const { ca } = parseNarInfo(tarball);
    expect([ca?.method, ca?.hash.algo]).toEqual(['flat', 'sha256']);
    expect(Buffer.from(ca!.hash.digest).toString('hex')).toBe(
      '8d99142afd92576f30b0cd7cb42a8dc6809998bc5d607d88761f512e26c7db20',
    );
    expect(parseNarInfo(texlive).ca?.hash.format('hex')).toBe(
      'sha1:5cba3c77236ae4f9650270a27fbad375551fa60a',
    );
    expect(formatContentAddress(parseNarInfo(texlive).ca!)).toBe(
      'fixed:r:sha1:1ak1ymbmsfx7z8kh09jzkr3a4dvkrfjw',
    );
  });

  it('flags a hash in hex', () => {
    const info = parseNarInfo(hexHash);
    expect(info.flags).toEqual(new Set(['nar-hash-hex']));
    expect(formatNarInfo(info)).toContain(
      'NarHash: sha256:1wsgz5cbawm6ifh59ccixw4n717wng5n6wp4sxyav0ad78lzvbb0\n',
    );
  });

  it('keeps the order of references, and flags one that does not ascend', () => {
    const info = parseNarInfo(unordered);
    expect(info.flags).toEqual(new Set(['references-out-of-order']));
    expect(info.references.map(({ name }) => name)).toEqual([
      'glibc-2.7',
      'binutils-2.18',
      'bash-3.2-p39',
      'gcc-3.4.6',
      'gcc-3.4.6',
    ]);
    const twice =
      '3n58xw4373jp0ljirf06d8077j15pc4j-glibc-2.37-8 3n58xw4373jp0ljirf06d8077j15pc4j-glibc-2.37-8';
    expect(parseNarInfo(helloWith('References', twice)).flags).toEqual(
      new Set(['references-out-of-order']),
    );
  });

  it('takes a missing compression for bzip2, and flags it', () => {
    const info = parseNarInfo(helloWith('Compression', undefined));
    expect([info.compression, info.flags]).toEqual([
      'bzip2',
      new Set(['compression-default']),
    ]);
    expect(parseNarInfo(glog).compression).toBe('none');
  });

  it('ignores unknown fields, and flags them', () => {
    expect(parseNarInfo(`${hello}\nFuture: x: y`).flags).toEqual(
      new Set(['unknown-field']),
    );
    expect(
      parseNarInfo(hello.replace('System', 'system')).system,
    ).toBeUndefined();
  });

  it('takes lines that end as on Windows', () => {
    expect(parseNarInfo(tarball.replaceAll('\n', '\r\n'))).toEqual(
      parseNarInfo(tarball),
    );
  });

  it('takes sizes with a plus sign and leading zeros, up to 64 bits', () => {
    expect(parseNarInfo(helloWith('NarSize', '+0012')).narSize).toBe(12n);
    expect(
      parseNarInfo(helloWith('NarSize', '18446744073709551615')).narSize,
    ).toBe(2n ** 64n - 1n);
    expect(parseNarInfo(helloWith('NarSize', '0')).narSize).toBe(0n);
  });

  const HASH = '0yzhigwjl6bws649vcs2asa4lbs8hg93hyix187gc7s7a74w5h80';
  it.each([
    ['a line without a colon', `${hello}\nx`, 'InvalidLine', undefined],
    ['a colon without a space', `${hello}\nSystem:x`, 'InvalidLine', undefined],
    ['an empty line', `${hello}\n\n`, 'InvalidLine', undefined],
    ['an empty line first', `\n${hello}`, 'InvalidLine', undefined],
    ['nothing', '', 'MissingField', 'StorePath'],
    ['a byte order mark', `\ufeff${hello}`, 'MissingField', 'StorePath'],
    ...['StorePath', 'URL', 'NarHash', 'NarSize', 'References'].map(
      (key) =>
        [`no ${key}`, helloWith(key, undefined), 'MissingField', key] as const,
    ),
    ...['URL', 'Compression', 'System'].map(
      (key) =>
        [
          `an empty ${key}`,
          `${helloWith(key, undefined)}\n${key}: `,
          'EmptyField',
          key,
        ] as const,
    ),
    ...[
      'StorePath',
      'URL',
      'Compression',
      'FileHash',
      'FileSize',
      'NarHash',
      'NarSize',
      'References',
      'Deriver',
    ].map(
      (key) =>
        [
          `${key} twice`,
          `${hello}\n${/^(.*)$/.exec(hello.slice(hello.indexOf(`${key}: `)).split('\n')[0]!)![1]}`,
          'DuplicateField',
          key,
        ] as const,
    ),
    [
      'References twice, both empty',
      `${helloWith('References', '')}\nReferences: `,
      'DuplicateField',
      'References',
    ],
    ['a second URL that is empty', `${hello}\nURL: `, 'EmptyField', 'URL'],
    [
      'another store',
      helloWith('StorePath', `/gnu/store/${HASH.slice(0, 32)}-x`),
      'InvalidStorePath',
      'StorePath',
    ],
    [
      'a malformed store path',
      helloWith('StorePath', '/nix/store/x'),
      'InvalidStorePath',
      'StorePath',
    ],
    [
      'a hash without prefix',
      helloWith('NarHash', HASH),
      'MissingPrefixForHash',
      'NarHash',
    ],
    [
      'a hash of another kind',
      helloWith('FileHash', `sha512:${HASH}`),
      'MissingPrefixForHash',
      'FileHash',
    ],
    [
      'a short hash',
      helloWith('NarHash', 'sha256:00'),
      'UnableToDecodeHash',
      'NarHash',
    ],
    [
      'a hash that is no nixbase32',
      helloWith('NarHash', `sha256:${HASH.replace('0', 'e')}`),
      'UnableToDecodeHash',
      'NarHash',
    ],
    [
      'a hash in upper-case hex',
      helloWith('NarHash', `sha256:${'AB'.repeat(32)}`),
      'UnableToDecodeHash',
      'NarHash',
    ],
    [
      'a file hash in hex',
      helloWith('FileHash', `sha256:${'ab'.repeat(32)}`),
      'UnableToDecodeHash',
      'FileHash',
    ],
    ...[
      '',
      '-1',
      '1.5',
      '0x10',
      '1e3',
      ' 1',
      '++1',
      '18446744073709551616',
      '9'.repeat(50),
    ].map(
      (size) =>
        [
          `a size "${size}"`,
          helloWith('NarSize', size),
          'UnableToParseSize',
          'NarSize',
        ] as const,
    ),
    [
      'two spaces between references',
      helloWith('References', 'a  b'),
      'InvalidReference',
      'References',
    ],
    [
      'an unknown deriver',
      helloWith('Deriver', 'unknown-deriver'),
      'InvalidDeriverStorePathMissingSuffix',
      'Deriver',
    ],
    [
      'a malformed deriver',
      helloWith('Deriver', 'x.drv'),
      'InvalidDeriverStorePath',
      'Deriver',
    ],
    [
      'a malformed signature',
      `${hello}\nSig: x`,
      'UnableToParseSignature',
      'Sig',
    ],
    ['a malformed content address', `${hello}\nCA: `, 'UnableToParseCA', 'CA'],
  ])('refuses %s', (_what, text, reason, field) => {
    const error = narErrorOf(() => parseNarInfo(text));
    expect([error.code, error.details.reason, error.details.field]).toEqual([
      'nar/invalid-narinfo',
      reason,
      field,
    ]);
  });

  it('says which reference and which signature is wrong', () => {
    const refs = helloWith(
      'References',
      '3n58xw4373jp0ljirf06d8077j15pc4j-glibc-2.37-8 x',
    );
    expect(narErrorOf(() => parseNarInfo(refs)).details.index).toBe(1);
    expect(
      narErrorOf(() => parseNarInfo(`${hello}\nSig: x`)).details.index,
    ).toBe(1);
  });
});

describe('formatNarInfo', () => {
  it.each(
    Object.entries({ hello: `${hello}\n`, tarball, glog, curl, texlive }),
  )('writes %s as it was read', (_name, text) => {
    expect(formatNarInfo(parseNarInfo(text))).toBe(text);
  });

  it('writes what is there, in the order of Nix', () => {
    const info = parseNarInfo(tarball.replace(/^File.*\n/gm, ''));
    expect(
      formatNarInfo({
        ...info,
        url: 'some.nar',
        compression: 'none',
        system: 'x86_64-linux',
      }),
    ).toBe(
      `${[
        'StorePath: /nix/store/pa10z4ngm0g83kx9mssrqzz30s84vq7k-hello-2.12.1.tar.gz',
        'URL: some.nar',
        'Compression: none',
        'NarHash: sha256:1lvqpbk2k1sb39z8jfxixf7p7v8sj4z6mmpa44nnmff3w1y6h8lh',
        'NarSize: 1033416',
        'References: ',
        'Deriver: dyivpmlaq2km6c11i0s6bi6mbsx0ylqf-hello-2.12.1.tar.gz.drv',
        'System: x86_64-linux',
        'Sig: cache.nixos.org-1:ywnIG629nQZQhEr6/HLDrLT/mUEp5J1LC6NmWSlJRWL/nM7oGItJQUYWGLvYGhSQvHrhIuvMpjNmBNh/WWqCDg==',
        'CA: fixed:sha256:086vqwk2wl8zfs47sq2xpjc9k066ilmb8z6dn0q6ymwjzlm196cd',
      ].join('\n')}\n`,
    );
  });

  it.each(['url', 'compression', 'system'] as const)(
    'refuses a %s that would break out of its line',
    (field) => {
      const info = parseNarInfo(hello);
      expect(
        narErrorOf(() => formatNarInfo({ ...info, [field]: 'x\nCA: y' }))
          .details.reason,
      ).toBe('InvalidLine');
      expect(
        narErrorOf(() => formatNarInfo({ ...info, [field]: '' })).details
          .reason,
      ).toBe('EmptyField');
    },
  );

  it('refuses a hash of a wrong length', () => {
    const info = { ...parseNarInfo(hello), narSha256: new Uint8Array(20) };
    expect(narErrorOf(() => formatNarInfo(info)).code).toBe('nar/invalid-hash');
  });
});

describe('fingerprint', () => {
  it('covers path, hash, size and references', () => {
    expect(fingerprint(parseNarInfo(curl))).toBe(NARINFOS.curlFingerprint);
  });

  it('ends in a semicolon without references', () => {
    expect(fingerprint(parseNarInfo(glog))).toBe(
      '1;/nix/store/2dgxifvg5qxfqzw539hcr0pfb5nhfl0q-go1.5-glog-2015-07-31-bin;sha256:0sjjj9z1dhilhpc8pq4154czrb79z9cm044jvn75kxcjv6v5l2m5;96;',
    );
  });
});
