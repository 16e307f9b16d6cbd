import { B3Digest } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import type { Pin } from '../local-care/pins.ts';
import type { Pin as PinMessage } from '../proto/index.ts';

/** A pin, as a message. */
export function pinToMessage({ name, target }: Pin): PinMessage {
  return {
    name,
    target:
      target.type === 'path'
        ? { $case: 'storePath', value: target.storePath.toString() }
        : { $case: 'digest', value: target.digest.bytes },
  };
}

/** @throws StoreError `store/invalid-pin` */
export function pinFromMessage({ name, target }: PinMessage): Pin {
  try {
    switch (target?.$case) {
      case 'storePath': {
        const storePath = StorePath.parse(target.value);
        return { name, target: { type: 'path', storePath } };
      }
      case 'digest': {
        const digest = B3Digest.fromBytes(target.value);
        return { name, target: { type: 'castore', digest } };
      }
    }
  } catch (cause) {
    throw new StoreError('store/invalid-pin', 'a pin leads to nothing valid', {
      cause,
    });
  }
  throw new StoreError('store/invalid-pin', 'a pin leads to nothing');
}
