import { parseNarInfo } from '@tvix/nar';
import type { ParsedNarInfo } from '@tvix/nar';

/**
 * Reads a narinfo as it comes from outside, with what servers and clients really write: `Deriver: unknown-deriver` for
 * none, an empty `CA`, and `References:` without the space that ends it where it is empty.
 *
 * @throws NarError `nar/invalid-narinfo`
 */
export function readNarInfo(file: Uint8Array): ParsedNarInfo {
  const text = new TextDecoder('utf-8', { ignoreBOM: true })
    .decode(file)
    .replace(/^Deriver: unknown-deriver\r?\n/m, '')
    .replace(/^CA: ?\r?\n/m, '')
    .replace(/^References:\r?\n/m, 'References: \n');
  return parseNarInfo(text);
}
