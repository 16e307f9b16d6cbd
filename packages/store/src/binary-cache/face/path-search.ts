import type { CallOptions } from '@tvix/castore';
import { STORE_DIR } from '@tvix/nar';
import type { CacheContext } from '../context.ts';
import { decodeHashPart } from '../narinfo.ts';
import { bytesText, pathsText } from './html.ts';
import { foundPath, scanPaths } from './known-paths.ts';
import type { FoundPath } from './known-paths.ts';

const MAX_SHOWN = 200;

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
  const { pathInfos, knownPaths } = context;
  const needle = nameOf(wanted).toLowerCase();
  const found = await findByHash(needle, context, options);
  if (found !== undefined)
    return { summary: 'Found by its hash.', paths: [found] };
  if (!pathInfos.capabilities.list)
    return { summary: 'This store does not list its paths.', paths: [] };
  const known = await knownPaths.to('all', () => scanPaths(pathInfos));
  const matching =
    needle === ''
      ? known.paths
      : known.paths.filter(({ basename }) =>
          basename.toLowerCase().includes(needle),
        );
  const shown = matching.slice(0, MAX_SHOWN);
  const more = known.isCut ? ' or more' : '';
  const held = `${pathsText(known.paths.length, more)}, ${bytesText(known.narBytes)}${more} as NARs`;
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
