import type { PathInfo } from '../../path-info/path-info.ts';
import type { PathInfoService } from '../../path-info-service/path-info-service.ts';

/** So many paths are looked at for the pages. */
const MAX_SCANNED = 20_000;

/** What a page says of a path. */
export interface FoundPath {
  /** The basename of the store path. */
  readonly basename: string;
  readonly narSize: bigint | undefined;
}

/** What a store holds, as far as the pages look. */
export interface KnownPaths {
  /** By name, then by hash. */
  readonly paths: readonly FoundPath[];
  readonly narBytes: bigint;
  /** Whether there may be more. */
  readonly isCut: boolean;
}

/** Looks through a store. */
export async function scanPaths(
  pathInfos: Pick<PathInfoService, 'list'>,
): Promise<KnownPaths> {
  const paths: FoundPath[] = [];
  let narBytes = 0n;
  for await (const pathInfo of pathInfos.list()) {
    const found = foundPath(pathInfo);
    narBytes += found.narSize ?? 0n;
    paths.push(found);
    if (paths.length >= MAX_SCANNED) break;
  }
  paths.sort(compareNames);
  return { paths, narBytes, isCut: paths.length >= MAX_SCANNED };
}

/** What a page says of the path of a path info. */
export function foundPath({ storePath, narInfo }: PathInfo): FoundPath {
  return { basename: storePath.toString(), narSize: narInfo?.narSize };
}

/** The 32 characters before the dash. */
export function hashPartOf({ basename }: FoundPath): string {
  return basename.slice(0, 32);
}

function compareNames(a: FoundPath, b: FoundPath): number {
  const [nameA, nameB] = [a.basename.slice(33), b.basename.slice(33)];
  if (nameA !== nameB) return nameA < nameB ? -1 : 1;
  return a.basename < b.basename ? -1 : 1;
}
