import { compareBytes } from '@tvix/nar';
import type { ParsedNarEvent } from '@tvix/nar';
import { CliError } from '../errors.ts';
import { quotePath } from '../quote-path.ts';
import type { ListingEvent } from './entry.ts';

/**
 * The events of the node at a path in an archive; those of the whole archive for the empty path. All of the archive is
 * read, so that a broken one is found out.
 *
 * @throws CliError `cli/not-found`
 */
export async function* nodeInArchive(
  events: AsyncIterable<readonly ParsedNarEvent[]>,
  names: readonly Uint8Array[],
): AsyncGenerator<readonly ListingEvent[], void> {
  /** How many directories are open, and in how many of the wanted ones we are. */
  let depth = 0;
  let matched = 0;
  let state: 'before' | 'inside' | 'after' =
    names.length === 0 ? 'inside' : 'before';
  for await (const batch of events) {
    const wanted: ListingEvent[] = [];
    for (const event of batch) {
      if (event.type === 'data') continue;
      if (state === 'inside') wanted.push(event);
      if (event.type === 'directory') depth++;
      else if (event.type === 'end') depth--;
      if (event.type === 'entry') {
        if (state !== 'before' || depth !== matched + 1) continue;
        if (compareBytes(event.name, names[matched]!) !== 0) continue;
        if (++matched === names.length) state = 'inside';
      } else if (state === 'inside' && depth === names.length) {
        state = 'after';
      }
    }
    if (wanted.length > 0) yield wanted;
  }
  if (state === 'before')
    throw new CliError(
      'cli/not-found',
      `there is no ${quotePath(names)} in the archive`,
    );
}
