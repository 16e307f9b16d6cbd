/** What travels between the thread that has the services and the one that serves the kernel: arrays, in batches. */
import { B3Digest } from '@tvix/castore';
import type { Node, SymlinkTarget } from '@tvix/castore';
import type { PlainError } from './plain-error.ts';

/** A node as the structured clone algorithm takes it. */
export type PlainNode =
  | { readonly type: 'directory'; digest: Uint8Array; size: bigint }
  | {
      readonly type: 'file';
      digest: Uint8Array;
      size: bigint;
      executable: boolean;
    }
  | { readonly type: 'symlink'; target: Uint8Array };

/** A node under its name. */
export interface PlainEntry {
  readonly name: Uint8Array;
  readonly node: PlainNode;
}

/** What can be asked. Each question has a number of its own; `abort` names the question that nobody needs any more. */
export type Question =
  | readonly [id: number, op: 'root', name: Uint8Array]
  | readonly [id: number, op: 'list', listing: number]
  | readonly [id: number, op: 'unlist', listing: number]
  | readonly [id: number, op: 'directory', digest: Uint8Array]
  | readonly [id: number, op: 'blobs', digests: readonly Uint8Array[]]
  | readonly [id: number, op: 'chunks', digest: Uint8Array]
  | readonly [
      id: number,
      op: 'range',
      digest: Uint8Array,
      offset: number,
      length: number,
    ]
  | readonly [id: number, op: 'abort'];

/** The answer to the question of that number: a value, or what went wrong. */
export type Answer =
  | readonly [id: number, value: unknown]
  | readonly [id: number, value: undefined, failure: PlainError];

/** Strips a node of its classes. */
export function toPlainNode(node: Node): PlainNode {
  return node.type === 'symlink'
    ? { type: 'symlink', target: alone(node.target) }
    : { ...node, digest: alone(node.digest.bytes) };
}

/** A node that went through {@link toPlainNode}. */
export function fromPlainNode(plain: PlainNode): Node {
  return plain.type === 'symlink'
    ? { type: 'symlink', target: plain.target as SymlinkTarget }
    : { ...plain, digest: B3Digest.fromBytes(plain.digest) };
}

/** A copy of bytes in memory of their own: cloning a view would clone all that it looks at. */
export function alone(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
