import { compareBytes } from '@tvix/castore';
import type { CallOptions } from '@tvix/castore';
import { verifyContentAddress } from '../path-info/verify-content-address.ts';
import type { PathInfo } from '../path-info/path-info.ts';
import { isSignedByAny } from '../path-info-service/signing.ts';
import type { CacheContext } from './context.ts';

/**
 * A path info with our signatures, where it came in without them and we can stand in for it: its NAR is what it says,
 * and either its path is made of its contents or a trusted key has signed it. Signing whatever is stored would launder
 * what somebody else claimed.
 */
export async function signedForReading(
  pathInfo: PathInfo,
  context: CacheContext,
  options?: CallOptions,
): Promise<PathInfo> {
  const { signer, trustedKeys = [] } = context.options;
  const { narInfo } = pathInfo;
  if (signer === undefined || narInfo === undefined) return pathInfo;
  const ours = signer.publicKeys.map(({ name }) => name);
  if (ours.every((name) => isNamed(pathInfo, name))) return pathInfo;

  const { node } = pathInfo;
  // Told from directories alone: a tree of any size is hashed for those alone that don't lie about it.
  const narSize = await context.sizes.ofArchive(node, options);
  if (narSize !== narInfo.narSize) return pathInfo;
  const { narSha256 } = await context.narCalculation.calculateNar(
    node,
    options,
  );
  if (compareBytes(narSha256, narInfo.narSha256) !== 0) return pathInfo;
  const canBeProven =
    (await verifyContentAddress(pathInfo, context, options)) === 'proven' ||
    (await isSignedByAny(pathInfo, trustedKeys));
  return canBeProven ? signer.sign(pathInfo) : pathInfo;
}

function isNamed({ narInfo }: PathInfo, name: string): boolean {
  return narInfo!.signatures.some((signature) => signature.name === name);
}
