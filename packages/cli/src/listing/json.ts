import { jsonText } from '../json-text.ts';
import type { ListedNode, ListingEvents } from './entry.ts';

/**
 * A listing as one JSON value in the form of `nix nar ls --json`: `{"type":"directory","entries":{NAME:…}}`,
 * `{"type":"regular","size":…,"executable":true,"narOffset":…}`, `{"type":"symlink","target":…}`. `executable` stands only
 * where it is true, `narOffset` only in the listing of an archive. Without `recursive`, what is in the root directory is
 * `{}`.
 */
export async function* jsonListing(
  events: ListingEvents,
  { recursive }: { readonly recursive: boolean },
): AsyncGenerator<string, void> {
  let depth = 0;
  let isFirst = true;
  for await (const batch of events) {
    let text = '';
    for (const event of batch) {
      const isShown = recursive || depth === 0;
      switch (event.type) {
        case 'entry':
          if (!recursive && depth > 1) break;
          text += `${isFirst ? '' : ','}${jsonString(event.name)}:${recursive ? '' : '{}'}`;
          isFirst = false;
          break;
        case 'end':
          depth--;
          isFirst = false;
          if (recursive || depth === 0) text += '}}';
          break;
        case 'directory':
          if (isShown) text += '{"type":"directory","entries":{';
          depth++;
          isFirst = true;
          break;
        default:
          if (isShown) text += leaf(event);
      }
    }
    if (text !== '') yield text;
  }
}

function leaf(node: Exclude<ListedNode, { type: 'directory' }>): string {
  if (node.type === 'symlink')
    return `{"type":"symlink","target":${jsonString(node.target)}}`;
  const executable = node.executable ? ',"executable":true' : '';
  const offset = node.offset === undefined ? '' : `,"narOffset":${node.offset}`;
  return `{"type":"regular","size":${node.size}${executable}${offset}}`;
}

/** A JSON string with the escapes that Nix uses, which has no short ones for backspace and form feed. */
function jsonString(bytes: Uint8Array): string {
  return JSON.stringify(jsonText(bytes)).replace(/\\[^u]/g, (escape) =>
    escape === '\\b' ? '\\u0008' : escape === '\\f' ? '\\u000c' : escape,
  );
}
