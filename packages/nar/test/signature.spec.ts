import { generateKeyPairSync, sign as nodeSign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { fingerprint } from '../src/fingerprint.ts';
import { parseNarInfo } from '../src/narinfo-parse.ts';
import { PublicKey } from '../src/public-key.ts';
import { SecretKey } from '../src/secret-key.ts';
import { formatSignature, parseSignature } from '../src/signature.ts';
import { NARINFOS } from './support/narinfos.ts';
import { narErrorOf } from './support/outcome.ts';
import { bytesOf } from './support/tree.ts';

const CACHE = PublicKey.parse(NARINFOS.keys.cache);
const TEST1 = PublicKey.parse(NARINFOS.keys.test1);
const CURL = parseNarInfo(NARINFOS.records.curl);
const [BY_CACHE, BY_TEST1] = CURL.signatures as [
  (typeof CURL.signatures)[0],
  (typeof CURL.signatures)[0],
];
const TEXT = NARINFOS.curlFingerprint;
const KEY_TEXT = '6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=';

const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(Buffer.from(hex, 'hex'));
const keyOf = (hex: string): string =>
  `k:${Buffer.from(hex, 'hex').toString('base64')}`;

describe('PublicKey', () => {
  it('verifies the signatures of its own name', async () => {
    expect(await CACHE.verify(TEXT, BY_CACHE)).toBe(true);
    expect(await TEST1.verify(TEXT, BY_TEST1)).toBe(true);
  });

  it.each(['hello', 'tarball', 'glog'] as const)(
    'verifies the record %s',
    async (name) => {
      const info = parseNarInfo(NARINFOS.records[name]);
      expect(await CACHE.verify(fingerprint(info), info.signatures[0]!)).toBe(
        true,
      );
    },
  );

  it.each(['cache.nixos.org', 'cache.nixos.org-2'])(
    'refuses its own signature under the name %s',
    async (name) => {
      expect(await CACHE.verify(TEXT, { ...BY_CACHE, name })).toBe(false);
      expect(await CACHE.verifyBytes(bytesOf(TEXT), BY_CACHE.bytes)).toBe(true);
    },
  );

  it('refuses other signatures, other keys and other texts', async () => {
    const other = parseSignature(
      'cache.nixos.org-1:TsTTb000000000000000000000000ytUjLB+vcX89fOjjRicCHmKA4RCPMVLkj6TMJ4GMX3HPVWRdD1hkeKZBQ==',
    );
    expect(await CACHE.verify(TEXT, other)).toBe(false);
    expect(await TEST1.verify(TEXT, { ...BY_CACHE, name: 'test1' })).toBe(
      false,
    );
    expect(await CACHE.verify(TEXT.slice(0, 5), BY_CACHE)).toBe(false);
    expect(
      await CACHE.verifyBytes(bytesOf(TEXT), BY_CACHE.bytes.subarray(1)),
    ).toBe(false);
  });

  it('writes what it read', () => {
    expect(String(CACHE)).toBe(NARINFOS.keys.cache);
    expect(PublicKey.parse(`cheesecake:${KEY_TEXT}`).name).toBe('cheesecake');
  });

  it.each([
    [KEY_TEXT, 'MissingSeparator'],
    [`:${KEY_TEXT}`, 'InvalidName'],
    [`a b:${KEY_TEXT}`, 'InvalidName'],
    [`cache.nixos.org-1:${KEY_TEXT.slice(0, -1)}`, 'InvalidVerifyingKeyLen'],
    [
      'cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDS',
      'InvalidVerifyingKeyLen',
    ],
    [`k:${KEY_TEXT.slice(0, -1)}A`, 'InvalidVerifyingKeyLen'],
    [`k:${KEY_TEXT.slice(0, -2)}Z=`, 'DecodeError'],
    [`k:${KEY_TEXT.replace('6', '-')}`, 'DecodeError'],
  ])('refuses %j as %s', (text, reason) => {
    const error = narErrorOf(() => PublicKey.parse(text));
    expect([error.code, error.details.reason]).toEqual([
      'nar/invalid-key',
      reason,
    ]);
  });

  it.each([
    [
      '0100000000000000000000000000000000000000000000000000000000000000',
      'the identity',
    ],
    [
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'order 2',
    ],
    [
      '0000000000000000000000000000000000000000000000000000000000000000',
      'order 4',
    ],
    [
      '0000000000000000000000000000000000000000000000000000000000000080',
      'order 4, negative',
    ],
    [
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      'order 8',
    ],
    [
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
      'order 8, negative',
    ],
    [
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
      'order 8, the other',
    ],
    [
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
      'order 8, the other, negative',
    ],
    [
      'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'a second encoding of the identity',
    ],
    [
      'f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'a second encoding of 3',
    ],
    [
      '0200000000000000000000000000000000000000000000000000000000000000',
      'not on the curve',
    ],
  ])('refuses the point %s (%s)', (hex) => {
    expect(narErrorOf(() => PublicKey.parse(keyOf(hex))).details.reason).toBe(
      'InvalidVerifyingKey',
    );
  });

  it('accepts every key that a platform makes', () => {
    for (let i = 0; i < 20; i++) {
      const raw = generateKeyPairSync('ed25519')
        .publicKey.export({ type: 'spki', format: 'der' })
        .subarray(-32);
      expect(PublicKey.parse(keyOf(raw.toString('hex'))).bytes).toEqual(
        Uint8Array.from(raw),
      );
    }
  });

  it('refuses a second form of a valid signature: its scalar plus the order of the group', async () => {
    const order = fromHex(
      'edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010',
    );
    const forged = BY_CACHE.bytes.slice();
    let carry = 0;
    for (let i = 0; i < 32; i++) {
      const sum = forged[32 + i]! + order[i]! + carry;
      forged[32 + i] = sum & 0xff;
      carry = sum >> 8;
    }
    expect(carry).toBe(0);
    expect(await CACHE.verifyBytes(bytesOf(TEXT), forged)).toBe(false);
  });

  it('refuses a signature whose commitment is of small order, which platforms take', async () => {
    // With R the identity, s = H(R, A, M) * a satisfies the equation: it is made from the secret scalar.
    const { smallOrderSignature } = await import('./support/small-order.ts');
    const { key, message, signature } = smallOrderSignature();
    const imported = await crypto.subtle.importKey(
      'raw',
      key,
      'Ed25519',
      true,
      ['verify'],
    );
    expect(
      await crypto.subtle.verify('Ed25519', imported, signature, message),
    ).toBe(true);
    expect(await PublicKey.from('k', key).verifyBytes(message, signature)).toBe(
      false,
    );
  });
});

describe('signatures', () => {
  it('are written as they were read', () => {
    for (const signature of CURL.signatures)
      expect(NARINFOS.records.curl).toContain(
        `Sig: ${formatSignature(signature)}\n`,
      );
  });

  const DATA = formatSignature(BY_CACHE).split(':')[1]!;
  it.each([
    [`cache.nixos.org-1:${DATA.slice(0, -4)}`, 'InvalidSignatureLen'],
    [`k:${DATA.slice(0, -2)}`, 'InvalidSignatureLen'],
    [`k:${DATA.slice(0, -2)}AA`, 'InvalidSignatureLen'],
    [`k:${DATA.slice(0, -1)}A`, 'DecodeError'],
    [`test\n:${DATA}`, 'InvalidName'],
    [`test :${DATA}`, 'InvalidName'],
    [`:${DATA}`, 'InvalidName'],
    [DATA, 'MissingSeparator'],
  ])('refuse %j as %s', (text, reason) => {
    const error = narErrorOf(() => parseSignature(text));
    expect([error.code, error.details.reason]).toEqual([
      'nar/invalid-signature',
      reason,
    ]);
  });

  it.each(['ключ-1', '鍵', 'Ⅷ', 'x²'])(
    'take the letters and digits of every script: %s',
    (name) => {
      expect(parseSignature(`${name}:${DATA}`).name).toBe(name);
    },
  );
});

describe('SecretKey', () => {
  it('makes signatures that its public key verifies', async () => {
    const key = await SecretKey.generate('test-1');
    const signature = await key.sign(TEXT);
    expect(signature.name).toBe('test-1');
    expect(await key.publicKey.verify(TEXT, signature)).toBe(true);
    expect(await key.publicKey.verify(`${TEXT}x`, signature)).toBe(false);
  });

  it('reads its own text, and signs as another implementation does', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const { d, x } = privateKey.export({ format: 'jwk' });
    const bytes = Buffer.concat([
      Buffer.from(d!, 'base64url'),
      Buffer.from(x!, 'base64url'),
    ]);
    const key = SecretKey.parse(`node:${bytes.toString('base64')}`);
    expect(key.exportText()).toBe(`node:${bytes.toString('base64')}`);
    const expected = nodeSign(null, Buffer.from(TEXT), privateKey);
    expect((await key.sign(TEXT)).bytes).toEqual(Uint8Array.from(expected));
  });

  it('reads what Nix generated, and signs as Nix does', async () => {
    // nix key generate-secret --key-name test.example-1; nix store sign
    const { secret, publicKey, text, signature } = NARINFOS.nix;
    const key = SecretKey.parse(secret);
    expect(String(key.publicKey)).toBe(publicKey);
    expect(formatSignature(await key.sign(text))).toBe(signature);
  });

  it('does not show itself by accident', async () => {
    const key = await SecretKey.generate('k');
    const shown = `${String(key)} ${JSON.stringify(key)}`;
    expect(shown).not.toContain(key.exportText().slice(2, 40));
  });

  it.each([
    ['x', 'MissingSeparator'],
    [`k:${KEY_TEXT}`, 'InvalidSecretKeyLen'],
    [`k:${'A'.repeat(86)}==`, 'InvalidVerifyingKey'],
  ])('refuses %j as %s', (text, reason) => {
    expect(narErrorOf(() => SecretKey.parse(text)).details.reason).toBe(reason);
  });

  it('refuses to generate a key under a name that cannot be written', async () => {
    await expect(SecretKey.generate('a:b')).rejects.toMatchObject({
      code: 'nar/invalid-key',
    });
    await expect((await SecretKey.generate('k')).sign('ü')).rejects.toThrow(
      RangeError,
    );
  });
});
