import { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';
import type { NamedNode, Node } from '../node/node.ts';
import { symlinkTarget } from '../node/symlink-target.ts';
import { pathComponent } from '../path/path-component.ts';
import type { Node as ProtoNode } from './gen/tvix/castore/v1/castore.ts';

/**
 * Checks the content of a node message, its name aside.
 *
 * @throws CastoreError `castore/no-node` where nothing is set, `castore/invalid-digest-length`,
 *   `castore/invalid-symlink-target`
 */
export function nodeFromProto(message: ProtoNode): Node {
  const { node } = message;
  switch (node?.$case) {
    case 'directory':
      return {
        type: 'directory',
        digest: B3Digest.fromBytes(node.value.digest),
        size: node.value.size,
      };
    case 'file':
      return {
        type: 'file',
        digest: B3Digest.fromBytes(node.value.digest),
        size: node.value.size,
        executable: node.value.executable,
      };
    case 'symlink':
      return { type: 'symlink', target: symlinkTarget(node.value.target) };
    case undefined:
      throw new CastoreError(
        'castore/no-node',
        'a node message without a node',
      );
  }
}

/**
 * Checks a node message, content first and then the name.
 *
 * @throws CastoreError as {@link nodeFromProto}, and `castore/invalid-name`
 */
export function namedNodeFromProto(message: ProtoNode): NamedNode {
  const node = nodeFromProto(message);
  return { node, name: pathComponent(message.node!.value.name) };
}

/** The message of a node; the name may be empty where the receiver doesn't look at it. */
export function nodeToProto(node: Node, name: Uint8Array): ProtoNode {
  switch (node.type) {
    case 'directory':
      return {
        node: {
          $case: 'directory',
          value: { name, digest: node.digest.bytes, size: node.size },
        },
      };
    case 'file': {
      const { size, executable } = node;
      return {
        node: {
          $case: 'file',
          value: { name, digest: node.digest.bytes, size, executable },
        },
      };
    }
    case 'symlink':
      return {
        node: { $case: 'symlink', value: { name, target: node.target } },
      };
  }
}
