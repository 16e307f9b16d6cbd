import type { NarInfo } from './narinfo.ts';
import { NixHash } from './nix-hash.ts';

/**
 * The text that signatures of a store path cover: its path, the hash and size of its archive, and its references in their
 * order. It is ASCII.
 */
export function fingerprint(
  info: Pick<NarInfo, 'storePath' | 'narSha256' | 'narSize' | 'references'>,
): string {
  const narHash = NixHash.from('sha256', info.narSha256).format('nixbase32');
  const references = info.references
    .map((reference) => reference.toAbsolutePath())
    .join(',');
  return `1;${info.storePath.toAbsolutePath()};${narHash};${info.narSize};${references}`;
}
