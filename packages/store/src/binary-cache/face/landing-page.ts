import type { CacheContext } from '../context.ts';
import type { Resource } from '../resource.ts';
import { bytesText, html } from './html.ts';
import type { Html } from './html.ts';
import { pageReply } from './page.ts';
import { hashPartOf } from './known-paths.ts';
import type { FoundPath } from './known-paths.ts';
import { searchPaths } from './path-search.ts';

/** The longest store path has 255 characters. */
const MAX_QUERY_LENGTH = 1000;

/** `/`: what people have to know to use the cache, what it holds, and a search by name. */
export function landingPage(context: CacheContext): Resource {
  return {
    async get({ query, signal }) {
      const wanted = (query.get('q') ?? '').slice(0, MAX_QUERY_LENGTH);
      const found = await searchPaths(wanted.trim(), context, { signal });
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
          ${pathList(found.paths)}`,
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

function pathList(paths: readonly FoundPath[]): Html {
  if (paths.length === 0) return html``;
  const items = paths.map(
    (path) =>
      html`<li>
        <a href="path/${hashPartOf(path)}">${path.basename}</a
        ><span
          >${path.narSize === undefined ? '' : bytesText(path.narSize)}</span
        >
      </li> `,
  );
  return html`<ul>
    ${items}
  </ul>`;
}
