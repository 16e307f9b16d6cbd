import { describe, expect, it } from '@jest/globals';
import { DIRECTORY_COMPLICATED } from '../../src/conformance/fixtures.ts';
import {
  Node as NodeMessage,
  namedNodeFromProto,
  nodeFromProto,
  nodeToProto,
} from '../../src/proto/index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('node messages', () => {
  it('turn into nodes and back', () => {
    for (const { name, node } of DIRECTORY_COMPLICATED.directory.entries) {
      const message = NodeMessage.decode(
        NodeMessage.encode(nodeToProto(node, name)).finish(),
      );
      expect(namedNodeFromProto(message)).toEqual({ name, node });
      expect(nodeFromProto(message)).toEqual(node);
    }
  });

  it('need no name where nobody looks at it', () => {
    const { node } = DIRECTORY_COMPLICATED.directory.entries[0]!;
    const message = nodeToProto(node, new Uint8Array(0));
    expect(nodeFromProto(message)).toEqual(node);
    expect(() => namedNodeFromProto(message)).toThrow(
      expect.objectContaining({ code: 'castore/invalid-name' }),
    );
  });

  it.each<[string, string, NodeMessage]>([
    ['castore/no-node', 'an empty message', { node: undefined }],
    [
      'castore/invalid-digest-length',
      'a digest of 31 bytes',
      {
        node: {
          $case: 'directory',
          value: { name: bytes(''), digest: new Uint8Array(31), size: 0n },
        },
      },
    ],
    [
      'castore/invalid-digest-length',
      'a file without a digest',
      {
        node: {
          $case: 'file',
          value: {
            name: bytes('a'),
            digest: bytes(''),
            size: 0n,
            executable: false,
          },
        },
      },
    ],
    [
      'castore/invalid-symlink-target',
      'a link to nothing, whatever its name',
      {
        node: {
          $case: 'symlink',
          value: { name: bytes('/'), target: bytes('') },
        },
      },
    ],
    [
      'castore/invalid-name',
      'a name with a slash',
      {
        node: {
          $case: 'symlink',
          value: { name: bytes('a/b'), target: bytes('x') },
        },
      },
    ],
  ])('are rejected with %s: %s', (code, _, message) => {
    expect(() => namedNodeFromProto(message)).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
