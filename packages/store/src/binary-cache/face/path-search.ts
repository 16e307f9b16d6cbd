import type { CallOptions } from '@tvix/castore';
import { STORE_DIR } from '@tvix/nar';
import type { StorePath } from '@tvix/nar';
import type { PathInfo } from '../../path-info/path-info.ts';
import type { CacheContext } from '../context.ts';
import { decodeHashPart } from '../narinfo.ts';
import { bytesText, pathsText } from './html.ts';

/** So many paths are looked at for a page. */
const MAX_SCANNED = 20_000;
const MAX_SHOWN = 200;

/** What a page says of a path. */
export interface FoundPath {
  readonly storePath: StorePath;
  readonly narSize: bigint | undefined;
}

/** What was found, and what there is. */
export interface PathSearch {
  readonly summary: string;
  readonly paths: readonly FoundPath[];
}

/** The paths whose name or hash has the wanted text in it, by name: all of them where it is empty. */
export async function searchPaths(
  wanted: string,
  context: CacheContext,
  options: CallOptions,
): Promise<PathSearch> {
  const { pathInfos } = context;
  const needle = nameOf(wanted).toLowerCase();
  const known = await findByHash(needle, context, options);
  if (known !== undefined)
    return { summary: 'Found by its hash.', paths: [known] };
  if (!pathInfos.capabilities.list)
    return { summary: 'This store does not list its paths.', paths: [] };
  const matching: FoundPath[] = [];
  let scanned = 0;
  let narBytes = 0n;
  for await (const pathInfo of pathInfos.list(options)) {
    scanned++;
    const found = foundPath(pathInfo);
    narBytes += found.narSize ?? 0n;
    if (found.storePath.toString().toLowerCase().includes(needle))
      matching.push(found);
    if (scanned >= MAX_SCANNED) break;
  }
  matching.sort((a, b) => compareNames(a.storePath, b.storePath));
  const shown = matching.slice(0, MAX_SHOWN);
  const more = scanned >= MAX_SCANNED ? ' or more' : '';
  const held = `${pathsText(scanned, more)}, ${bytesText(narBytes)}${more} as NARs`;
  const hits =
    needle === ''
      ? ''
      : `; ${matching.length || 'none'} ${matching.length === 1 ? 'matches' : 'match'}`;
  const cut =
    matching.length > shown.length
      ? `; the first ${shown.length} by name are shown`
      : '';
  return { summary: `${held}${hits}${cut}`, paths: shown };
}

/** What people mean by a store path, or a file below one: its name with the hash. */
function nameOf(wanted: string): string {
  return wanted.startsWith(`${STORE_DIR}/`)
    ? wanted.slice(STORE_DIR.length + 1).split('/', 1)[0]!
    : wanted;
}

/** The path whose hash it begins with: that needs no search. */
async function findByHash(
  needle: string,
  { pathInfos }: CacheContext,
  options: CallOptions,
): Promise<FoundPath | undefined> {
  const outputHash = decodeHashPart(needle.slice(0, 32));
  const pathInfo = outputHash && (await pathInfos.get(outputHash, options));
  return pathInfo?.storePath.toString().toLowerCase().startsWith(needle)
    ? foundPath(pathInfo)
    : undefined;
}

function foundPath({ storePath, narInfo }: PathInfo): FoundPath {
  return { storePath, narSize: narInfo?.narSize };
}

function compareNames(a: StorePath, b: StorePath): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.hashPart < b.hashPart ? -1 : 1;
}
