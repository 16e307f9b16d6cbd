import { createHash } from 'node:crypto';
import type { Reply } from '../reply.ts';
import { Html, html } from './html.ts';

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2330; --dim: #5b6678; --paper: #fbfbfd; --card: #fff; --line: #dde2ea; --link: #1f5fbf; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ef; --dim: #98a3b5; --paper: #14181f; --card: #1b212b; --line: #2e3744; --link: #86b4ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; }
a { color: var(--link); text-decoration: none; overflow-wrap: anywhere; }
a:hover, a:focus { text-decoration: underline; }
pre, code { font: .875rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .75rem 1rem; white-space: pre-wrap; }
form { display: flex; gap: .5rem; margin: .5rem 0 1rem; }
input { flex: 1; min-width: 0; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .5rem .75rem; }
button { font: inherit; color: var(--paper); background: var(--link); border: 0; border-radius: 8px; padding: .5rem 1rem; cursor: pointer; }
ul { list-style: none; margin: 1rem 0 0; padding: 0; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
li { display: flex; gap: 1rem; justify-content: space-between; padding: .45rem .9rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
li:first-child { border-top: 0; }
li a { min-width: 40%; }
li span { color: var(--dim); white-space: nowrap; }
li span.target { white-space: normal; overflow-wrap: anywhere; text-align: right; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.25rem; margin: .75rem 0; }
dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; }
.dim { color: var(--dim); }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
`;

// Whole, so that nothing gets between it and its hash.
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** What every page that we make is sent with: nothing but its own style, no scripts, no frames. */
const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
};

/** A page for people. Links in it are relative, so that it works below any prefix. */
export function pageReply(title: string, body: Html): Reply {
  return { status: 200, headers: PAGE_HEADERS, body: page(title, body).text };
}

/** A page that ends in a list which may be too long to be held as a whole: it is made while it is sent. */
export function listPageReply(
  title: string,
  head: Html,
  items: Iterable<Html>,
): Reply {
  const body = html`${head}
    <ul>
      ${ITEMS}
    </ul>`;
  const [before, after] = page(title, body).text.split(ITEMS.text);
  const open = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from(before!);
    for (const item of items) yield Buffer.from(item.text);
    yield Buffer.from(after!);
  };
  return { status: 200, headers: PAGE_HEADERS, stream: { open } };
}

/** Stands for what is made later: text is escaped, so that nothing else can be the same. */
const ITEMS = new Html('<!-- items -->');

function page(title: string, body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        ${body}
      </body>
    </html> `;
}
