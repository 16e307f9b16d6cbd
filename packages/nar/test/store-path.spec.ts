import { describe, expect, it } from '@jest/globals';
import { StorePath } from '../src/store-path.ts';
import { narErrorOf } from './support/outcome.ts';
import { bytesOf } from './support/tree.ts';

const NET_TOOLS =
  '00bgd045z0d4icpbc2yyz4gx48ak44la-net-tools-1.60_p20170221182432';
const HASH = '00bgd045z0d4icpbc2yyz4gx48ak44la';

describe('StorePath', () => {
  it('reads a basename and writes it back', () => {
    const path = StorePath.parse(NET_TOOLS);
    expect(Buffer.from(path.digest).toString('hex')).toBe(
      '8a12321522fd91efbd60ebb2481af88580f61600',
    );
    expect(path.name).toBe('net-tools-1.60_p20170221182432');
    expect(path.hashPart).toBe(HASH);
    expect(String(path)).toBe(NET_TOOLS);
    expect(path.toAbsolutePath()).toBe(`/nix/store/${NET_TOOLS}`);
    expect(StorePath.fromAbsolutePath(path.toAbsolutePath()).equals(path)).toBe(
      true,
    );
    expect(StorePath.parse(bytesOf(NET_TOOLS)).equals(path)).toBe(true);
  });

  it.each([
    ['fli4bwscgna7lpm7v5xgnjxrxh0yc7ra-.gitignore', 'InvalidName', 0],
    ['00bgd045z0d4icpbc2yy-', 'InvalidLength', undefined],
    ['invalid', 'InvalidLength', undefined],
    ['', 'InvalidLength', undefined],
    [`${HASH}-`, 'InvalidLength', undefined],
    [
      '00bgd045z0d4icpbc2yy-net-tools-1.60_p20170221182432',
      'InvalidHashEncoding',
      undefined,
    ],
    [
      `00bgd045z0d4icpbc2yy-${'a'.repeat(200)}`,
      'InvalidHashEncoding',
      undefined,
    ],
    [
      '00bgd045z0d4icpbc2yyz4gx48aku4la-net-tools-1.60_p20170221182432',
      'InvalidHashEncoding',
      undefined,
    ],
    [
      '00bgd045z0d4icpbc2yyz4gx48aku4la-net-tools-1.60_p20170221182432/bin/arp',
      'InvalidHashEncoding',
      undefined,
    ],
    [
      '00bgd045z0d4icpbc2yyz4gx48ak44lanet-tools-1.60_p20170221182432',
      'MissingDash',
      undefined,
    ],
    [`${HASH}-${'a'.repeat(212)}`, 'InvalidLength', undefined],
    [`${HASH}-a b`, 'InvalidName', 1],
    [`${HASH}-net/tools`, 'InvalidName', 3],
    [`${HASH}-ab\n`, 'InvalidName', 2],
    [`${HASH}-ü`, 'InvalidName', 0],
    [`/nix/store/${NET_TOOLS}`, 'InvalidHashEncoding', undefined],
  ])('refuses %j as %s', (text, reason, position) => {
    const error = narErrorOf(() => StorePath.parse(text));
    expect(error.code).toBe('nar/invalid-store-path');
    expect(error.details).toEqual(
      position === undefined ? { reason } : { reason, position },
    );
  });

  it('refuses bytes beyond ASCII', () => {
    expect(
      narErrorOf(() => StorePath.parse(bytesOf(`${HASH}-a\xff`))).details,
    ).toEqual({ reason: 'InvalidName', position: 1 });
  });

  it('takes a name of 211 characters, of every allowed one', () => {
    expect(StorePath.parse(`${HASH}-${'a'.repeat(211)}`).name).toHaveLength(
      211,
    );
    expect(StorePath.parse(`${HASH}-+-_?=.azAZ09`).name).toBe('+-_?=.azAZ09');
  });

  it('checks the name before the digest', () => {
    expect(
      narErrorOf(() => StorePath.fromNameAndDigest('.a', new Uint8Array(2)))
        .details.reason,
    ).toBe('InvalidName');
    expect(
      narErrorOf(() => StorePath.fromNameAndDigest('a', new Uint8Array(2)))
        .details.reason,
    ).toBe('InvalidLength');
    expect(
      String(StorePath.fromNameAndDigest('dummy', new Uint8Array(20))),
    ).toBe(`${'0'.repeat(32)}-dummy`);
  });

  it.each([
    'foobar-123',
    '/nix/store',
    `/nix/storefoo/${NET_TOOLS}`,
    NET_TOOLS,
    '',
  ])('finds no store directory in %j', (path) => {
    expect(
      narErrorOf(() => StorePath.fromAbsolutePath(path)).details.reason,
    ).toBe('MissingStoreDir');
    expect(
      narErrorOf(() => StorePath.fromAbsolutePathFull(path)).details.reason,
    ).toBe('MissingStoreDir');
  });

  it.each(['/nix/store/', '/nix/store/foo', '/nix/store/foo/bar'])(
    'finds no store path in %j',
    (path) => {
      expect(
        narErrorOf(() => StorePath.fromAbsolutePathFull(path)).details.reason,
      ).toBe('InvalidLength');
    },
  );

  it.each([
    ['', ''],
    ['/', ''],
    ['/bin/arp', 'bin/arp'],
    ['/bin/arp/', 'bin/arp'],
    ['//bin///arp//', 'bin/arp'],
  ])('splits off what follows as a relative path: "%s"', (rest, expected) => {
    const { storePath, relativePath } = StorePath.fromAbsolutePathFull(
      `/nix/store/${NET_TOOLS}${rest}`,
    );
    expect([String(storePath), relativePath]).toEqual([NET_TOOLS, expected]);
  });

  it('orders by the digest alone', () => {
    const low = StorePath.fromNameAndDigest('z', new Uint8Array(20));
    const high = StorePath.fromNameAndDigest('a', new Uint8Array(20).fill(1));
    const sameDigest = StorePath.fromNameAndDigest('a', new Uint8Array(20));
    expect(StorePath.compare(low, high)).toBeLessThan(0);
    expect(StorePath.compare(low, sameDigest)).toBe(0);
    expect(low.equals(sameDigest)).toBe(false);
  });
});
