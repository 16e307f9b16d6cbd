import type { CommandContext } from '../command.ts';
import type { ListingEvents } from './entry.ts';
import { jsonListing } from './json.ts';
import { printTextListing } from './text.ts';
import type { TextListingOptions } from './text.ts';

const LINE_FEED = new Uint8Array([0x0a]);

/** Prints a listing as text or, with `--json`, as one JSON value on a line. */
export async function printListing(
  events: ListingEvents,
  { output, json }: Pick<CommandContext, 'output' | 'json'>,
  options: TextListingOptions,
): Promise<void> {
  if (!json) return printTextListing(events, output, options);
  for await (const text of jsonListing(events, options))
    await output.write([Buffer.from(text)]);
  await output.write([LINE_FEED]);
}
