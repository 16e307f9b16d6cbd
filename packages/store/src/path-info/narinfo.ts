import type { Node } from '@tvix/castore';
import { formatSignature, parseSignature } from '@tvix/nar';
import type { NarInfo, NarSignature } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import {
  fromPathContentAddress,
  toPathContentAddress,
} from './content-address.ts';
import { PathInfo } from './path-info.ts';
import type { PathSignature } from './path-nar-info.ts';

/**
 * The path info of a narinfo whose NAR was ingested as `node`. Where the file lay and how it was compressed, and the
 * system, are lost.
 *
 * @throws StoreError `store/unknown-ca-type`
 */
export function pathInfoFromNarInfo(narInfo: NarInfo, node: Node): PathInfo {
  const { storePath, narSize, narSha256, references, deriver, ca } = narInfo;
  return PathInfo.create(storePath, node, {
    narSize,
    narSha256,
    signatures: narInfo.signatures.map(({ name, bytes }) => ({
      name,
      data: bytes,
    })),
    references,
    deriver,
    ca: ca && toPathContentAddress(ca),
  });
}

/**
 * The narinfo of a path whose uncompressed NAR is found at `url`; `undefined` where nothing is known of the NAR.
 *
 * @throws StoreError `store/invalid-signature`, `store/unknown-ca-type`, `store/invalid-ca-digest-length`, which a path
 *   info doesn't rule out
 */
export function pathInfoToNarInfo(
  { storePath, narInfo }: PathInfo,
  url: string,
): NarInfo | undefined {
  if (narInfo === undefined) return undefined;
  const { narSize, narSha256, references, deriver, ca } = narInfo;
  return {
    storePath,
    url,
    compression: 'none',
    narSha256,
    narSize,
    references,
    signatures: narInfo.signatures.map(toNarSignature),
    ...(deriver && { deriver }),
    ...(ca && { ca: fromPathContentAddress(ca) }),
  };
}

/** Reading back what is written holds the name and the length to their rules: a name could break the line otherwise. */
function toNarSignature(
  { name, data }: PathSignature,
  index: number,
): NarSignature {
  try {
    return parseSignature(formatSignature({ name, bytes: data }));
  } catch (cause) {
    throw new StoreError(
      'store/invalid-signature',
      `signature ${index} can't stand in a narinfo`,
      { cause, details: { index, name, length: data.length } },
    );
  }
}
