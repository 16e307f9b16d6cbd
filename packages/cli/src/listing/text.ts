import type { Output } from '../output.ts';
import type { ListedNode, ListingEvents } from './entry.ts';

/** How a listing is printed. */
export interface TextListingOptions {
  /** The name of the root, for a listing of something that is no directory. */
  readonly name: Uint8Array;
  /** Whether everything below is listed, or only what is in the root. */
  readonly recursive: boolean;
  /** Whether modes, sizes and targets are told, too. */
  readonly long: boolean;
}

const DOT = Buffer.from('.');
const SLASH = Buffer.from('/');
const ARROW = Buffer.from(' -> ');

/** Prints paths below the root a line each, as raw bytes with `./` in front, as `nix nar ls` does. */
export async function printTextListing(
  events: ListingEvents,
  output: Output,
  options: TextListingOptions,
): Promise<void> {
  const path: Uint8Array[] = [];
  let depth = 0;
  for await (const batch of events) {
    for (const event of batch) {
      switch (event.type) {
        case 'entry':
          path[depth - 1] = event.name;
          continue;
        case 'end':
          depth--;
          continue;
      }
      if (depth === 0) {
        if (event.type !== 'directory')
          await output.line(textOf(event, options.name, options.long));
      } else if (depth === 1 || options.recursive) {
        const shown = Buffer.concat([
          DOT,
          ...path.slice(0, depth).flatMap((name) => [SLASH, name]),
        ]);
        await output.line(textOf(event, shown, options.long));
      }
      if (event.type === 'directory') depth++;
    }
  }
}

function textOf(node: ListedNode, path: Uint8Array, long: boolean): Uint8Array {
  if (!long) return path;
  const size = node.type === 'regular' ? node.size : 0n;
  const head = Buffer.from(`${modeOf(node)} ${String(size).padStart(20)} `);
  return node.type === 'symlink'
    ? Buffer.concat([head, path, ARROW, node.target])
    : Buffer.concat([head, path]);
}

function modeOf(node: ListedNode): string {
  switch (node.type) {
    case 'directory':
      return 'dr-xr-xr-x';
    case 'symlink':
      return 'lrwxrwxrwx';
    case 'regular':
      return node.executable ? '-r-xr-xr-x' : '-r--r--r--';
  }
}
