import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Frees what died young, in a fraction of a millisecond.
 *
 * The buffers of native code hang on handles of a hundred bytes, so that the collector sees no hurry while tens of MiB
 * wait for it: with a collection every few MiB a daemon that takes in a large tree peaks about 35 MiB lower.
 */
export function createMinorCollection(): () => void {
  // Node hands out the collector only under a flag, which may also be set from here (`node:v8`, setFlagsFromString).
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: {
    readonly type: 'minor';
  }) => void;
  return () => collect({ type: 'minor' });
}
