import { createHash } from 'node:crypto';
import { compareBytes } from '@tvix/castore';
import type { CallOptions } from '@tvix/castore';
import { buildCaPath, NarError } from '@tvix/nar';
import type { ContentAddress } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import { renderNar } from '../nar/render.ts';
import type { TreeStorage } from '../nar/tree-storage.ts';
import { fromPathContentAddress } from './content-address.ts';
import type { PathInfo } from './path-info.ts';

/**
 * What the content address of a path info is worth:
 *
 * - `none`: it claims none;
 * - `proven`: its path is made of it, and its contents are what it says, so that nobody has to sign it;
 * - `unproven`: its path is made of it, but it refers to itself: the hash is of other bytes than those stored;
 * - `wrong`: its path isn't made of it, or its contents are others.
 *
 * The SHA-256 of the NAR is taken as verified.
 */
export type ContentAddressVerdict = 'none' | 'proven' | 'unproven' | 'wrong';

/**
 * Holds a path info against the content address that it claims. Contents are read where the address is not of the NAR.
 *
 * @throws StoreError `store/incomplete-tree`, `store/unknown-ca-type`, `store/invalid-ca-digest-length`; as `renderNar`
 */
export async function verifyContentAddress(
  pathInfo: PathInfo,
  storage: TreeStorage,
  options?: CallOptions,
): Promise<ContentAddressVerdict> {
  const { storePath, narInfo } = pathInfo;
  if (narInfo?.ca === undefined) return 'none';
  const address = fromPathContentAddress(narInfo.ca);
  const references = narInfo.references.filter(
    (reference) => !reference.equals(storePath),
  );
  const self = references.length < narInfo.references.length;
  try {
    const made = buildCaPath(storePath.name, address, { references, self });
    if (!made.equals(storePath)) return 'wrong';
  } catch (error) {
    if (error instanceof NarError) return 'wrong';
    throw error;
  }
  if (self) return 'unproven';
  const digest = await contentDigest(pathInfo, address, storage, options);
  return digest !== undefined && compareBytes(digest, address.hash.digest) === 0
    ? 'proven'
    : 'wrong';
}

/** Whether holding a path info against the content address that it claims takes reading its contents. */
export function readsContents({ narInfo }: PathInfo): boolean {
  if (narInfo?.ca === undefined) return false;
  const { method, hash } = fromPathContentAddress(narInfo.ca);
  return method !== 'nar' || hash.algo !== 'sha256';
}

/** The digest of the contents as the address takes it; `undefined` where such contents have none. */
async function contentDigest(
  { node, narInfo }: PathInfo,
  { method, hash: { algo } }: ContentAddress,
  storage: TreeStorage,
  options?: CallOptions,
): Promise<Uint8Array | undefined> {
  if (method === 'nar') {
    if (algo === 'sha256') return narInfo?.narSha256;
    return digestOf(algo, renderNar(node, storage, options));
  }
  if (node.type !== 'file' || node.executable) return undefined;
  const reader = await storage.blobs.openRead(node.digest, options);
  if (reader === undefined) {
    throw new StoreError(
      'store/incomplete-tree',
      `blob ${node.digest.toString()} is not in the store`,
      { details: { digest: node.digest } },
    );
  }
  try {
    return await digestOf(algo, reader.read(undefined, options));
  } finally {
    await reader.close();
  }
}

async function digestOf(
  algo: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const hash = createHash(algo);
  for await (const piece of bytes) hash.update(piece);
  return new Uint8Array(hash.digest());
}
