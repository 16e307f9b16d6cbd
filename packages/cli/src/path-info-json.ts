import { formatContentAddress, formatSignature, NixHash } from '@tvix/nar';
import { fromPathContentAddress } from '@tvix/store';
import type { PathContentAddress, PathInfo } from '@tvix/store';
import { nodeJson } from './node-json.ts';

/**
 * What is known of a store path, as JSON: hashes in SRI form, references as basenames, sizes as numbers. Signatures and
 * content addresses that can't stand in a narinfo are told as they are: one path must not hide the others.
 */
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

function narJson({ narInfo }: PathInfo): Readonly<Record<string, unknown>> {
  if (narInfo === undefined) return {};
  const { narSha256, narSize, references, deriver, signatures, ca } = narInfo;
  return {
    narHash: NixHash.from('sha256', narSha256).toSri(),
    narSize: Number(narSize),
    references: references.map((path) => path.toString()),
    ...(deriver && { deriver: deriver.toString() }),
    signatures: signatures.map(({ name, data }) =>
      formatSignature({ name, bytes: data }),
    ),
    ...(ca && { ca: contentAddressJson(ca) }),
  };
}

/** The text of a content address; its number and digest where there is none. */
function contentAddressJson(ca: PathContentAddress): unknown {
  try {
    return formatContentAddress(fromPathContentAddress(ca));
  } catch {
    const { type, digest } = ca;
    return { type, digest: Buffer.from(digest).toString('base64') };
  }
}
