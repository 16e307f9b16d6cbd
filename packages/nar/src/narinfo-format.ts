import { formatContentAddress } from './content-address.ts';
import { NarError } from './errors.ts';
import type { NarInfo } from './narinfo.ts';
import { NixHash } from './nix-hash.ts';
import { formatSignature } from './signature.ts';

/**
 * Writes a narinfo file as Nix does: in the order of Nix, hashes in nixbase32, each line ended. `Compression` is always
 * written, because without it readers assume bzip2.
 *
 * @throws NarError `nar/invalid-narinfo` when a free text is empty or has a line break; `nar/invalid-hash` when a digest
 *   has not 32 bytes
 */
export function formatNarInfo(info: NarInfo): string {
  const lines = [
    `StorePath: ${info.storePath.toAbsolutePath()}`,
    `URL: ${freeText('URL', info.url)}`,
    `Compression: ${freeText('Compression', info.compression)}`,
  ];
  if (info.fileSha256 !== undefined)
    lines.push(`FileHash: ${formatSha256(info.fileSha256)}`);
  if (info.fileSize !== undefined) lines.push(`FileSize: ${info.fileSize}`);
  lines.push(`NarHash: ${formatSha256(info.narSha256)}`);
  lines.push(`NarSize: ${info.narSize}`);
  lines.push(`References: ${info.references.join(' ')}`);
  if (info.deriver !== undefined) lines.push(`Deriver: ${info.deriver}.drv`);
  if (info.system !== undefined)
    lines.push(`System: ${freeText('System', info.system)}`);
  for (const signature of info.signatures)
    lines.push(`Sig: ${formatSignature(signature)}`);
  if (info.ca !== undefined) lines.push(`CA: ${formatContentAddress(info.ca)}`);
  return `${lines.join('\n')}\n`;
}

function formatSha256(digest: Uint8Array): string {
  return NixHash.from('sha256', digest).format('nixbase32');
}

/** A line break in a value would let it write fields of its own. */
function freeText(field: string, value: string): string {
  if (value === '' || /[\r\n]/.test(value)) {
    const reason = value === '' ? 'EmptyField' : 'InvalidLine';
    throw new NarError(
      'nar/invalid-narinfo',
      `${field} is empty or has a line break`,
      { details: { reason, field } },
    );
  }
  return value;
}
