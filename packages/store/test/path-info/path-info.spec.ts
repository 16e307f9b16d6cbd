import { describe, expect, it } from '@jest/globals';
import { Directory, symlinkTarget } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { PathInfo as Message } from '../../src/proto/index.ts';
import {
  DUMMY_NAME,
  DUMMY_OUTPUT_HASH,
  fromHex,
  hex,
  utf8,
} from '../fixtures.ts';
import { codeOf, DUMMY, ROOT, WITH, withNarInfo, WITHOUT } from './messages.ts';

const PUT_GET =
  '0a361a340a2430303030303030303030303030303030303030303030303030303030303030302d666f6f120c646f65736e746d6174746572';

describe('PathInfo', () => {
  it('encodes a path without narinfo to the bytes of the reference', () => {
    expect(
      hex(PathInfo.createBare(DUMMY, ROOT, [DUMMY_OUTPUT_HASH]).encode()),
    ).toBe(WITHOUT);
  });

  it('encodes a path with narinfo to the bytes of the reference', () => {
    const pathInfo = PathInfo.create(DUMMY, ROOT, {
      narSize: 0n,
      narSha256: new Uint8Array(32),
      signatures: [],
      references: [DUMMY],
      deriver: undefined,
      ca: { type: 0, digest: new Uint8Array(32) },
    });
    expect(hex(pathInfo.encode())).toBe(WITH);
  });

  it('encodes a symlink root to the bytes of the reference', () => {
    const storePath = StorePath.fromNameAndDigest('foo', DUMMY_OUTPUT_HASH);
    const node: Node = {
      type: 'symlink',
      target: symlinkTarget('doesntmatter'),
    };
    expect(hex(PathInfo.createBare(storePath, node).encode())).toBe(PUT_GET);
  });

  it.each([
    ['without narinfo', WITHOUT],
    ['with narinfo', WITH],
    ['with a symlink root', PUT_GET],
  ])('decodes and encodes back to the same bytes %s', (_, encoded) => {
    expect(hex(PathInfo.decode(fromHex(encoded)).encode())).toBe(encoded);
  });

  it('tells what a message says', () => {
    const pathInfo = PathInfo.decode(fromHex(WITH));
    expect(pathInfo.storePath.toString()).toBe(DUMMY_NAME);
    expect(pathInfo.node).toEqual(ROOT);
    expect(pathInfo.references.map(hex)).toEqual(['00'.repeat(20)]);
    expect(pathInfo.narInfo?.references.map(String)).toEqual([DUMMY_NAME]);
    expect(pathInfo.root.name).toEqual(utf8(DUMMY_NAME));
  });

  it('drops unknown fields', () => {
    expect(hex(PathInfo.decode(fromHex(`${PUT_GET}7a0141`)).encode())).toBe(
      PUT_GET,
    );
  });

  it('keeps a content address type that it has no name for, and digests and signatures of any length', () => {
    const message = withNarInfo();
    message.narinfo!.ca = { type: 99 as 0, digest: Uint8Array.of(1) };
    message.narinfo!.signatures = [{ name: '', data: Uint8Array.of(2) }];
    const encoded = hex(Message.encode(message as Message).finish());
    expect(hex(PathInfo.decode(fromHex(encoded)).encode())).toBe(encoded);
  });

  it('refuses bytes that are no message', () => {
    expect(codeOf(() => PathInfo.decode(fromHex('0aff')))).toBe(
      'store/undecodable',
    );
    expect(codeOf(() => PathInfo.decode(fromHex(WITH).subarray(0, 90)))).toBe(
      'store/undecodable',
    );
  });

  it('refuses to be created with lengths that no message may have', () => {
    const narInfo = PathInfo.decode(fromHex(WITH)).narInfo!;
    expect(
      codeOf(() =>
        PathInfo.create(DUMMY, ROOT, {
          ...narInfo,
          narSha256: new Uint8Array(31),
        }),
      ),
    ).toBe('store/invalid-nar-sha256-length');
    expect(
      codeOf(() => PathInfo.createBare(DUMMY, ROOT, [new Uint8Array(21)])),
    ).toBe('store/invalid-reference-length');
  });

  it('shares the digest of its root with castore', () => {
    const pathInfo = PathInfo.createBare(DUMMY, {
      type: 'directory',
      digest: Directory.EMPTY.digest,
      size: 0n,
    });
    const decoded = PathInfo.decode(pathInfo.encode());
    expect(
      decoded.node.type === 'directory' &&
        decoded.node.digest.equals(Directory.EMPTY.digest),
    ).toBe(true);
  });
});
