import type { TreeEvent } from '@tvix/castore';
import { NarError } from '@tvix/nar';
import type { NarWriter } from '@tvix/nar';
import { StoreError } from '../errors.ts';

/**
 * Writes the events of a castore tree. A castore name may have any length, and so may a target, and trees any depth; a
 * NAR's are bounded, so that a valid tree may have no NAR.
 *
 * @throws StoreError `store/no-nar-form`
 */
export function writeEvents(
  writer: NarWriter,
  events: readonly TreeEvent[],
): void {
  for (const event of events) writeEvent(writer, event);
}

/** Writes one event, see {@link writeEvents}. */
export function writeEvent(writer: NarWriter, event: TreeEvent): void {
  try {
    writer.write(event);
  } catch (cause) {
    if (!(cause instanceof NarError)) throw cause;
    throw new StoreError(
      'store/no-nar-form',
      `the tree has no NAR: ${cause.message}`,
      { cause },
    );
  }
}
