import { formatContentAddress, formatSignature, NixHash } from '@tvix/nar';
import { pathInfoToNarInfo } from '@tvix/store';
import type { PathInfo } from '@tvix/store';
import { nodeJson } from './node-json.ts';

/** What is known of a store path, as JSON: hashes in SRI form, references as basenames, sizes as numbers. */
export function pathInfoJson(
  pathInfo: PathInfo,
): Readonly<Record<string, unknown>> {
  const { storePath, node } = pathInfo;
  return {
    storePath: storePath.toAbsolutePath(),
    node: nodeJson(node),
    ...narJson(pathInfo),
  };
}

function narJson(pathInfo: PathInfo): Readonly<Record<string, unknown>> {
  const narInfo = pathInfoToNarInfo(pathInfo, '');
  if (narInfo === undefined) return {};
  const { narSha256, narSize, references, deriver, signatures, ca } = narInfo;
  return {
    narHash: NixHash.from('sha256', narSha256).toSri(),
    narSize: Number(narSize),
    references: references.map((path) => path.toString()),
    ...(deriver && { deriver: deriver.toString() }),
    signatures: signatures.map(formatSignature),
    ...(ca && { ca: formatContentAddress(ca) }),
  };
}
