import type { Node } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { StoreError } from '../../src/errors.ts';
import { PathInfo as Message } from '../../src/proto/index.ts';
import { DUMMY_DIGEST, DUMMY_NAME, fromHex } from '../fixtures.ts';

export const WITHOUT =
  '0a4c0a4a0a2630303030303030303030303030303030303030303030303030303030303030302d64756d6d791220000000000000000000000000000000000000000000000000000000000000000012140000000000000000000000000000000000000000';
export const WITH = `${WITHOUT}1a6e12200000000000000000000000000000000000000000000000000000000000000000222630303030303030303030303030303030303030303030303030303030303030302d64756d6d79322212200000000000000000000000000000000000000000000000000000000000000000`;
export type Mutable<T> = T extends Uint8Array | bigint
  ? T
  : { -readonly [K in keyof T]: Mutable<T[K]> };
export type MutableMessage = Mutable<Message>;

export const without = (): MutableMessage =>
  Message.decode(fromHex(WITHOUT)) as MutableMessage;
export const withNarInfo = (): MutableMessage =>
  Message.decode(fromHex(WITH)) as MutableMessage;

export const ROOT: Node = { type: 'directory', digest: DUMMY_DIGEST, size: 0n };
export const DUMMY = StorePath.parse(DUMMY_NAME);

export function failureOf(act: () => unknown): StoreError {
  try {
    act();
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new TypeError('expected a failure');
}

export function codeOf(act: () => unknown): string {
  return failureOf(act).code;
}
