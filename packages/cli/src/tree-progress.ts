import type { TreeEvent } from '@tvix/castore';
import type { Progress } from './progress.ts';

/** The same events, counted on the way for the progress line. */
export async function* countingProgress<
  Event extends Pick<TreeEvent, 'type'> & { readonly bytes?: Uint8Array },
>(
  batches: AsyncIterable<readonly Event[]>,
  progress: Progress,
  part: unknown,
): AsyncGenerator<readonly Event[], void> {
  let files = 0;
  let bytes = 0;
  for await (const batch of batches) {
    for (const event of batch) {
      if (event.type === 'regular') files++;
      else if (event.type === 'data') bytes += event.bytes?.length ?? 0;
    }
    progress.report(part, { files, bytes });
    yield batch;
  }
}
