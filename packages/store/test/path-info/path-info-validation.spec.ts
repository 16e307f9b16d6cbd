import { describe, expect, it } from '@jest/globals';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { PathInfo as Message } from '../../src/proto/index.ts';
import {
  DUMMY_DIGEST,
  DUMMY_NAME,
  DUMMY_OUTPUT_HASH,
  fromHex,
  utf8,
} from '../fixtures.ts';
import { failureOf, withNarInfo, without } from './messages.ts';
import type { MutableMessage } from './messages.ts';

describe('PathInfo validates a message', () => {
  const dummyName = utf8(DUMMY_NAME);
  const directoryRoot = (
    name: Uint8Array,
    digest = DUMMY_DIGEST.bytes,
  ): MutableMessage['node'] =>
    ({
      node: { $case: 'directory', value: { name, digest, size: 0n } },
    }) as never;
  const fileRoot = (
    name: Uint8Array,
    digest = DUMMY_DIGEST.bytes,
  ): MutableMessage['node'] =>
    ({
      node: {
        $case: 'file',
        value: { name, digest, size: 0n, executable: false },
      },
    }) as never;
  const symlinkRoot = (name: Uint8Array): MutableMessage['node'] =>
    ({
      node: { $case: 'symlink', value: { name, target: utf8('x') } },
    }) as never;

  const cases: [string, () => MutableMessage, string, object?][] = [
    [
      'no root node',
      () => ({ ...without(), node: undefined }),
      'store/no-node',
    ],
    [
      'a root node with nothing set',
      () => ({ ...without(), node: { node: undefined } }),
      'store/no-node',
    ],
    [
      'a directory root with an empty digest',
      () => ({
        ...without(),
        node: directoryRoot(dummyName, new Uint8Array(0)),
      }),
      'store/invalid-root-node',
    ],
    [
      'a file root with an empty digest',
      () => ({ ...without(), node: fileRoot(dummyName, new Uint8Array(0)) }),
      'store/invalid-root-node',
    ],
    [
      'a directory root without a store path name',
      () => ({ ...without(), node: directoryRoot(utf8('invalid')) }),
      'store/invalid-node-name',
      { name: utf8('invalid') },
    ],
    [
      'a file root without a store path name',
      () => ({ ...without(), node: fileRoot(utf8('invalid')) }),
      'store/invalid-node-name',
      { name: utf8('invalid') },
    ],
    [
      'a symlink root without a store path name',
      () => ({ ...without(), node: symlinkRoot(utf8('invalid')) }),
      'store/invalid-node-name',
      { name: utf8('invalid') },
    ],
    [
      'a root name that is not ASCII',
      () => ({
        ...without(),
        node: symlinkRoot(Uint8Array.of(...dummyName, 0xff)),
      }),
      'store/invalid-node-name',
    ],
    [
      'an absolute path as root name',
      () => ({
        ...without(),
        node: symlinkRoot(utf8(`/nix/store/${DUMMY_NAME}`)),
      }),
      'store/invalid-root-node',
    ],
    [
      'a short NAR SHA-256',
      () => edit((narInfo) => (narInfo.narSha256 = fromHex('beef'))),
      'store/invalid-nar-sha256-length',
      { length: 2 },
    ],
    [
      'fewer reference names than references',
      () => edit((narInfo) => (narInfo.referenceNames = [])),
      'store/inconsistent-reference-count',
      { references: 1, referenceNames: 0 },
    ],
    [
      'a reference of another length',
      () => ({
        ...without(),
        references: [DUMMY_OUTPUT_HASH, fromHex('ffff')],
      }),
      'store/invalid-reference-length',
      { index: 1, length: 2 },
    ],
    [
      'an absolute path as reference name',
      () =>
        edit(
          (narInfo) => (narInfo.referenceNames = [`/nix/store/${DUMMY_NAME}`]),
        ),
      'store/invalid-reference-name',
      { index: 0, name: `/nix/store/${DUMMY_NAME}` },
    ],
    [
      'a reference name without a name after the hash',
      () =>
        edit(
          (narInfo) =>
            (narInfo.referenceNames = ['00000000000000000000000000000000-']),
        ),
      'store/invalid-reference-name',
    ],
    [
      'a reference that its name contradicts',
      () => ({
        ...withNarInfo(),
        references: [new Uint8Array(20).fill(0xff)],
      }),
      'store/inconsistent-reference-name',
      {
        index: 0,
        reference: new Uint8Array(20).fill(0xff),
        digest: DUMMY_OUTPUT_HASH,
      },
    ],
    [
      'a reference name that contradicts its reference',
      () =>
        edit(
          (narInfo) =>
            (narInfo.referenceNames = [
              '11111111111111111111111111111111-dummy',
            ]),
        ),
      'store/inconsistent-reference-name',
    ],
    [
      'a deriver with an empty digest',
      () =>
        edit(
          (narInfo) =>
            (narInfo.deriver = { name: 'foo', digest: new Uint8Array(0) }),
        ),
      'store/invalid-deriver',
    ],
    [
      'a deriver without a name',
      () =>
        edit(
          (narInfo) =>
            (narInfo.deriver = { name: '', digest: DUMMY_OUTPUT_HASH }),
        ),
      'store/invalid-deriver',
    ],
    [
      'an invalid deriver where there is no reference',
      () => ({
        ...edit((narInfo) => {
          narInfo.referenceNames = [];
          narInfo.deriver = { name: '.foo', digest: DUMMY_OUTPUT_HASH };
        }),
        references: [],
      }),
      'store/invalid-deriver',
    ],
  ];

  it.each(cases)('and refuses %s', (_, message, code, details = {}) => {
    const error = failureOf(() => PathInfo.fromMessage(message() as Message));
    expect(error.code).toBe(code);
    expect(error.kind).toBe('invalid');
    expect(error.details).toMatchObject(details);
  });

  it('and names the cause of an invalid root node and of an invalid name', () => {
    const root = failureOf(() =>
      PathInfo.fromMessage({
        ...without(),
        node: fileRoot(dummyName, new Uint8Array(0)),
      } as Message),
    );
    expect(root.cause).toMatchObject({
      code: 'castore/invalid-digest-length',
      details: { length: 0 },
    });
    const name = failureOf(() =>
      PathInfo.fromMessage({
        ...without(),
        node: fileRoot(utf8('invalid')),
      } as Message),
    );
    expect(name.cause).toMatchObject({
      code: 'nar/invalid-store-path',
      details: { reason: 'InvalidLength' },
    });
  });

  it('and takes a valid deriver', () => {
    const message = edit(
      (narInfo) =>
        (narInfo.deriver = { name: 'foo', digest: DUMMY_OUTPUT_HASH }),
    );
    expect(
      PathInfo.fromMessage(message as Message).narInfo?.deriver?.name,
    ).toBe('foo');
  });

  it.each<[string, (message: MutableMessage) => void]>([
    [
      'store/invalid-reference-length',
      (message) => (message.references = [Uint8Array.of(1)]),
    ],
    [
      'store/invalid-nar-sha256-length',
      (message) => (message.narinfo!.narSha256 = Uint8Array.of(1)),
    ],
    [
      'store/inconsistent-reference-count',
      (message) => (message.narinfo!.referenceNames = ['x', 'y']),
    ],
    [
      'store/invalid-reference-name',
      (message) => (message.narinfo!.referenceNames = ['x']),
    ],
    [
      'store/inconsistent-reference-name',
      (message) =>
        (message.narinfo!.referenceNames = [
          '11111111111111111111111111111111-x',
        ]),
    ],
    [
      'store/invalid-deriver',
      (message) =>
        (message.narinfo!.deriver = { name: '', digest: DUMMY_OUTPUT_HASH }),
    ],
    ['store/no-node', (message) => (message.node = undefined)],
    [
      'store/invalid-root-node',
      (message) => (message.node = symlinkRoot(utf8('a/b'))),
    ],
    [
      'store/invalid-node-name',
      (message) => (message.node = symlinkRoot(utf8('x'))),
    ],
  ])('and reports %s before whatever comes after it', (code, breakIt) => {
    const later = [
      (message: MutableMessage) => (message.node = symlinkRoot(utf8('x'))),
      (message: MutableMessage) => (message.node = symlinkRoot(utf8('a/b'))),
      (message: MutableMessage) => (message.node = undefined),
      (message: MutableMessage) =>
        (message.narinfo!.deriver = { name: '', digest: DUMMY_OUTPUT_HASH }),
      (message: MutableMessage) =>
        (message.narinfo!.referenceNames = [
          '11111111111111111111111111111111-x',
        ]),
      (message: MutableMessage) => (message.narinfo!.referenceNames = ['x']),
      (message: MutableMessage) =>
        (message.narinfo!.referenceNames = ['x', 'y']),
      (message: MutableMessage) =>
        (message.narinfo!.narSha256 = Uint8Array.of(1)),
    ];
    const order = [
      'store/invalid-node-name',
      'store/invalid-root-node',
      'store/no-node',
      'store/invalid-deriver',
      'store/inconsistent-reference-name',
      'store/invalid-reference-name',
      'store/inconsistent-reference-count',
      'store/invalid-nar-sha256-length',
      'store/invalid-reference-length',
    ];
    const message = withNarInfo();
    for (const breakLater of later.slice(0, order.indexOf(code)))
      breakLater(message);
    breakIt(message);
    expect(failureOf(() => PathInfo.fromMessage(message as Message)).code).toBe(
      code,
    );
  });
});

function edit(
  change: (narInfo: NonNullable<MutableMessage['narinfo']>) => void,
): MutableMessage {
  const message = withNarInfo();
  change(message.narinfo!);
  return message;
}
