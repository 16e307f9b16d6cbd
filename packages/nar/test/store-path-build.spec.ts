import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { parseContentAddress } from '../src/content-address.ts';
import { type HashAlgo, NixHash } from '../src/nix-hash.ts';
import { decodeNixBase32 } from '../src/nixbase32.ts';
import {
  buildCaPath,
  buildNarPath,
  buildOutputPath,
  buildTextPath,
  foldDigest,
  outputPlaceholder,
} from '../src/store-path-build.ts';
import { StorePath } from '../src/store-path.ts';
import { TREES, vectors } from './support/fixtures.ts';
import { narErrorOf } from './support/outcome.ts';
import { encodeTree } from './support/plain-encoder.ts';
import { bytesOf } from './support/tree.ts';

interface StorePathVectors {
  readonly imports: readonly {
    content: string;
    name: string;
    storePath: string;
  }[];
  readonly texts: readonly {
    basename: string;
    sha256: string;
    references: string[];
  }[];
  readonly corpus: readonly {
    basename: string;
    ca: string;
    references: string[];
  }[];
}

const { imports, texts, corpus } = vectors<StorePathVectors>('store-paths');
const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text, 'hex'));
const digestOf = (algo: string, bytes: Uint8Array): Uint8Array =>
  createHash(algo).update(bytes).digest();
const nameOf = (basename: string): string => basename.slice(33);
const HELLO = TREES['file HELLOWORLD']!;

describe('the store path', () => {
  it.each(imports)(
    'of an imported $content named $name is $storePath',
    ({ content, name, storePath }) => {
      const narSha256 = digestOf('sha256', encodeTree(TREES[content]!));
      expect(buildNarPath(name, narSha256).toAbsolutePath()).toBe(storePath);
    },
  );

  it.each(texts)(
    'of a text is $basename',
    ({ basename, sha256, references }) => {
      const hash = NixHash.from('sha256', hex(sha256));
      const refs = references.map((reference) =>
        StorePath.fromAbsolutePath(reference),
      );
      expect(
        String(
          buildCaPath(
            nameOf(basename),
            { method: 'text', hash },
            { references: refs },
          ),
        ),
      ).toBe(basename);
    },
  );

  it.each(corpus)('of $ca is $basename', ({ basename, ca, references }) => {
    const refs = references.map((reference) => StorePath.parse(reference));
    expect(
      String(
        buildCaPath(nameOf(basename), parseContentAddress(ca), {
          references: refs,
        }),
      ),
    ).toBe(basename);
  });

  it('of a text comes from its contents and references', () => {
    const foo = buildTextPath('foo', bytesOf('bar'));
    expect(foo.toAbsolutePath()).toBe(
      '/nix/store/vxjiwkjkn7x4079qvh1jkl5pn05j2aw0-foo',
    );
    const baz = buildTextPath('baz', bytesOf(foo.toAbsolutePath()), [foo]);
    expect(baz.toAbsolutePath()).toBe(
      '/nix/store/5xd714cbfnkz02h2vbsj4fm03x3f15nf-baz',
    );
  });

  it('of an archive known by another hash than sha256 goes through a text', () => {
    const hash = NixHash.from(
      'sha1',
      hex('0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33'),
    );
    expect(String(buildCaPath('bar', { method: 'nar', hash }))).toBe(
      'mp57d33657rf34lzvlbpfa1gjfv5gmpg-bar',
    );
  });

  it('of an archive depends on its references and on itself', () => {
    const foo = StorePath.parse('dxwkwjzdaq7ka55pkk252gh32bgpmql4-foo');
    const hash = decodeNixBase32(
      '1xqkzcb3909fp07qngljr4wcdnrh1gdam1m2n29i6hhrxlmkgkv1',
    );
    const zeros = new Uint8Array(32);
    const dummy = StorePath.fromNameAndDigest('dummy', new Uint8Array(20));
    expect(String(buildNarPath('baz', hash, { references: [foo] }))).toBe(
      's89y431zzhmdn3k8r96rvakryddkpv2v-baz',
    );
    expect(
      String(
        buildNarPath(
          'bar',
          hex(
            '08813cbee9903c62be4c5027726a418a300da4500b2d369d3af9286f4815ceba',
          ),
        ),
      ),
    ).toBe('4q0pg5zpfmznxscq3avycvf9xdvx50n3-bar');
    expect(String(buildNarPath('self-test', zeros, { self: true }))).toBe(
      'r8x1kjwgaxz2wiljkfwpvi170nvp2ip9-self-test',
    );
    expect(
      String(
        buildNarPath('refs-test', zeros, { references: [dummy], self: true }),
      ),
    ).toBe('h1g7rd52ki0sbdqmqigavx1w2rijj7aj-refs-test');
  });

  it.each([
    ['flat', 'md5', 'div16k3psvhcl5kgaljndcj51hpjxzc6'],
    ['flat', 'sha1', 'jgd6i4cxyyayvijzlpbknd81a6nf712x'],
    ['flat', 'sha256', '1sb2j9y0pk8hxcajw6313hsc9rrdgzkf'],
    ['flat', 'sha512', 'lnqqii2agj3skdkvfamfvl2x15glwh2p'],
    ['nar', 'md5', '355a4gs0bx8fm5269r7d6xkvy85ma8gi'],
    ['nar', 'sha1', 'bnxwasy5gl3lcpnpn6bv0pvc4fshav7b'],
    ['nar', 'sha256', 'n4hss129xrln71w0nss39bcx6hzsh9bg'],
    ['nar', 'sha512', 'w2x3slk78sxn9sa4zqja4cixjv0lmc9w'],
  ] as const)(
    'of "Hello World!" known by its %s %s is %s-hello',
    (method, algo, expected) => {
      const contents =
        method === 'nar' ? encodeTree(HELLO) : bytesOf('Hello World!');
      const hash = NixHash.from(algo, digestOf(algo, contents));
      expect(String(buildCaPath('hello', { method, hash }))).toBe(
        `${expected}-hello`,
      );
    },
  );

  it.each([
    [
      'nested-json',
      'out',
      'ff91a43046196b6372a7245654a8a43dfbfe9acd3cf80f786dbb8bf31747afcd',
      'pzr7lsd3q9pqsnb42r9b23jc5sh8irvn',
    ],
    [
      'has-multi-out',
      'out',
      'a1ad4156c02a06fdd497ed4dfcab6f041fe3fd4888f6bb1bebc31728bbc9717e',
      '55lwldka5nyxa08wnvlizyqw02ihy8ic',
    ],
    [
      'has-multi-out-lib',
      'lib',
      'a1ad4156c02a06fdd497ed4dfcab6f041fe3fd4888f6bb1bebc31728bbc9717e',
      '2vixb94v0hy2xc6p7mbnxxcyc095yyia',
    ],
  ])(
    'of the output %s (%s) comes from its derivation',
    (name, output, derivationHash, expected) => {
      expect(String(buildOutputPath(name, hex(derivationHash), output))).toBe(
        `${expected}-${name}`,
      );
    },
  );

  it('of an output has a placeholder', () => {
    expect(outputPlaceholder('out')).toBe(
      '/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9',
    );
  });

  it('folds the fingerprint hash to twenty bytes', () => {
    const fold = (digest: Uint8Array): string =>
      Buffer.from(foldDigest(digest)).toString('hex');
    expect(fold(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(
      '141414141c1c1c1c141414140c0d0e0f10111213',
    );
    expect(fold(digestOf('sha256', new Uint8Array()))).toBe(
      '872b570e3c69850fe2a94c9d996fb92427ae41e4',
    );
    expect(
      fold(
        hex('dd9eb6cc84774d911b21c6b14f74908933913dfc582aa3a5681b9086a702e4c7'),
      ),
    ).toBe('85b41569ec6cdd17bc2322764f74908933913dfc');
  });

  it('cannot be built where contents cannot have references', () => {
    const other = StorePath.fromNameAndDigest('other', new Uint8Array(20));
    const refusal = (
      method: 'text' | 'flat' | 'nar',
      algo: HashAlgo,
      refers: object,
    ): string =>
      narErrorOf(() =>
        buildCaPath(
          'a',
          {
            method,
            hash: NixHash.from(algo, digestOf(algo, new Uint8Array())),
          },
          refers,
        ),
      ).code;
    expect(refusal('text', 'sha256', { self: true })).toBe(
      'nar/invalid-reference',
    );
    expect(refusal('flat', 'sha256', { self: true })).toBe(
      'nar/invalid-reference',
    );
    expect(refusal('flat', 'sha256', { references: [other] })).toBe(
      'nar/invalid-reference',
    );
    expect(refusal('nar', 'sha1', { references: [other] })).toBe(
      'nar/invalid-reference',
    );
    expect(refusal('text', 'sha1', {})).toBe('nar/invalid-content-address');
  });

  it('cannot be built with a name that no store path has', () => {
    expect(
      narErrorOf(() => buildNarPath('a:b', new Uint8Array(32))).details.reason,
    ).toBe('InvalidName');
    expect(
      narErrorOf(() => buildNarPath('ü', new Uint8Array(32))).details.reason,
    ).toBe('InvalidName');
  });
});
