import { compareBytes } from '@tvix/castore';
import type { CallOptions, Node } from '@tvix/castore';
import { StoreError } from '../errors.ts';
import { isTreeStored } from '../nar/is-tree-stored.ts';
import type { CacheContext } from './context.ts';
import type { NarName } from './nar-name.ts';
import type { PathInfo } from '../path-info/path-info.ts';
import { getUploadedNar } from './uploaded-nar.ts';
import type { Compression } from '../compression/compression.ts';

/** A name of ours, of the NAR of a store path. */
export type PathNarName = Extract<NarName, { type: 'path' }>;

/** What is known of a NAR before any of it is there. */
export interface AnnouncedNar {
  readonly narSha256: Uint8Array;
  readonly narSize: bigint;
}

/** A NAR that a name leads to. */
export interface ServedNar extends AnnouncedNar {
  readonly node: Node;
  /** How a client expects the file that the name stands for. */
  readonly compression: Compression;
  /** Bytes of the file that was uploaded under the name. */
  readonly fileSize?: number;
}

/** The NAR that is stored under a name; `undefined` where there is none. */
export async function findNar(
  name: NarName,
  context: CacheContext,
  options?: CallOptions,
): Promise<ServedNar | undefined> {
  switch (name.type) {
    case 'path': {
      const pathInfo = await context.pathInfos.get(name.outputHash, options);
      return pathInfo && narOfPath(pathInfo, name, context, options);
    }
    case 'file': {
      const uploaded = await getUploadedNar(context, name.fileSha256);
      if (uploaded === undefined) return undefined;
      // Nothing but the record refers to the tree before a narinfo does: it may have been collected since.
      if (!(await isTreeStored(uploaded.node, context, options)))
        return undefined;
      return isNamedSo(uploaded, name) ? uploaded : undefined;
    }
    case 'node': {
      const { node } = name;
      // Whoever remembers its NAR doesn't know what became of the tree since.
      if (!(await isTreeStored(node, context, options))) return undefined;
      const calculation = await context.narCalculation.calculateNar(
        node,
        options,
      );
      return { node, ...calculation, compression: 'none' };
    }
  }
}

/** Whether a file is compressed as its name says. */
export function isNamedSo(
  { compression }: Pick<ServedNar, 'compression'>,
  name: Extract<NarName, { type: 'file' }>,
): boolean {
  return (
    compression === (name.compression ?? 'none') ||
    (compression === 'gzip' && name.compression === undefined)
  );
}

/** The NAR that an upstream has under a name of ours. Nothing is fetched. */
export async function findNarUpstream(
  name: PathNarName,
  { substituter }: CacheContext,
  options?: CallOptions,
): Promise<AnnouncedNar | undefined> {
  const narInfo = await substituter?.find(name.outputHash, options);
  return narInfo && isNamed(name, narInfo.narSha256) ? narInfo : undefined;
}

/** The NAR of a path under a name of ours. */
export async function narOfPath(
  { node, narInfo }: PathInfo,
  name: PathNarName,
  { narCalculation }: CacheContext,
  options?: CallOptions,
): Promise<ServedNar | undefined> {
  const { narSha256, narSize } =
    narInfo ?? (await narCalculation.calculateNar(node, options));
  return isNamed(name, narSha256)
    ? { node, narSha256, narSize, compression: 'none' }
    : undefined;
}

/** Under the name of another NAR there is nothing: the path was replaced since. */
function isNamed(name: PathNarName, narSha256: Uint8Array): boolean {
  return (
    name.narSha256 === undefined ||
    compareBytes(name.narSha256, narSha256) === 0
  );
}

/** A tree whose NAR isn't as long as its path info says. */
export function wrongNarSize(narSize: bigint): StoreError {
  return new StoreError(
    'store/corrupt-path-info',
    `the NAR of the tree has not the ${narSize} bytes that its path info says`,
    { details: { narSize } },
  );
}
