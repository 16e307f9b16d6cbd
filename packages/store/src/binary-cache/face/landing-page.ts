import type { CallOptions } from '@tvix/castore';
import type { PathInfo } from '../../path-info/path-info.ts';
import type { CacheContext } from '../context.ts';
import type { Resource } from '../resource.ts';
import { bytesText, html } from './html.ts';
import type { Html } from './html.ts';
import { pageReply } from './page.ts';

/** So many paths are looked at for a page. */
const MAX_SCANNED = 20_000;
const MAX_SHOWN = 200;
const MAX_QUERY_LENGTH = 200;

/** `/`: what people have to know to use the cache, what it holds, and a search by name. */
export function landingPage(context: CacheContext): Resource {
  return {
    async get({ query, signal }) {
      const wanted = (query.get('q') ?? '').slice(0, MAX_QUERY_LENGTH);
      const found = await search(wanted.trim(), context, { signal });
      return pageReply(
        'Nix binary cache',
        html`<h1>Nix binary cache</h1>
          ${setUp(context)}
          <h2>Paths</h2>
          <p class="dim">${found.summary}</p>
          <form action="" method="get" role="search">
            <input
              type="search"
              name="q"
              value="${wanted}"
              placeholder="Name or hash"
              aria-label="Name or hash"
            /><button>Search</button>
          </form>
          ${found.list}`,
      );
    },
  };
}

function setUp({ options }: CacheContext): Html {
  const keys = options.signer?.publicKeys ?? [];
  const url = options.publicUrl ?? 'http://…';
  const key =
    keys.length === 0
      ? html`<p class="dim">
          What is served here is not signed by this cache.
        </p>`
      : html`<h2>Public key</h2>
          <pre>${keys.join('\n')}</pre>`;
  const trusted =
    keys.length === 0 ? '' : `\nextra-trusted-public-keys = ${keys.join(' ')}`;
  return html`${key}
    <h2>Lines for nix.conf</h2>
    <pre>extra-substituters = ${url}${trusted}</pre>`;
}

async function search(
  wanted: string,
  { pathInfos }: CacheContext,
  options: CallOptions,
): Promise<{ summary: string; list: Html }> {
  if (!pathInfos.capabilities.list)
    return { summary: 'This store does not list its paths.', list: html`` };
  const needle = wanted.toLowerCase();
  const shown: PathInfo[] = [];
  let scanned = 0;
  let matching = 0;
  let narBytes = 0n;
  for await (const pathInfo of pathInfos.list(options)) {
    scanned++;
    narBytes += pathInfo.narInfo?.narSize ?? 0n;
    if (pathInfo.storePath.toString().toLowerCase().includes(needle)) {
      matching++;
      if (shown.length < MAX_SHOWN) shown.push(pathInfo);
    }
    if (scanned >= MAX_SCANNED) break;
  }
  const more = scanned >= MAX_SCANNED ? ' or more' : '';
  const held = `${scanned}${more} paths, ${bytesText(narBytes)}${more} as NARs`;
  const hits =
    needle === '' ? '' : `; ${matching} match${matching === 1 ? 'es' : ''}`;
  const cut =
    matching > shown.length ? `; the first ${shown.length} are shown` : '';
  return { summary: `${held}${hits}${cut}`, list: pathList(shown) };
}

function pathList(pathInfos: readonly PathInfo[]): Html {
  if (pathInfos.length === 0) return html``;
  const items = pathInfos.map(
    ({ storePath, narInfo }) =>
      html`<li>
        <a href="path/${storePath.hashPart}">${storePath.toString()}</a
        ><span>${narInfo ? bytesText(narInfo.narSize) : ''}</span>
      </li> `,
  );
  return html`<ul>
    ${items}
  </ul>`;
}
