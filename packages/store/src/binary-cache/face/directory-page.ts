import type { Directory, NamedNode } from '@tvix/castore';
import type { StorePath } from '@tvix/nar';
import type { Reply } from '../reply.ts';
import { bytesText, html, nameText, nameUrl } from './html.ts';
import type { Html } from './html.ts';
import { listPageReply, pageReply } from './page.ts';

/** So many entries are made into markup at a time. */
const BATCH_ENTRIES = 1000;

/** The entries of a directory in a store path, for people. Its address ends in a slash: links are relative to it. */
export function directoryPage(
  storePath: StorePath,
  path: readonly Uint8Array[],
  { entries }: Directory,
): Reply {
  const shown = [storePath.toString(), ...path.map(nameText)].join('/');
  const root = `${'../'.repeat(path.length)}../../`;
  const head = html`<p>
      <a href="${root}">Nix binary cache</a> ·
      <a href="${root}path/${storePath.hashPart}">${storePath.name}</a>
    </p>
    <h1>${shown}</h1>`;
  const isTop = path.length === 0;
  if (isTop && entries.length === 0) {
    return pageReply(
      shown,
      html`${head}
        <p class="dim">The directory is empty.</p>`,
    );
  }
  return listPageReply(shown, head, items(entries, isTop));
}

function* items(
  entries: readonly NamedNode[],
  isTop: boolean,
): Generator<Html, void, undefined> {
  if (!isTop) yield html`<li><a href="../">..</a></li> `;
  for (let at = 0; at < entries.length; at += BATCH_ENTRIES)
    yield html`${entries.slice(at, at + BATCH_ENTRIES).map(item)}`;
}

function item({ name, node }: NamedNode): Html {
  const url = `./${nameUrl(name)}`;
  switch (node.type) {
    case 'directory':
      return html`<li><a href="${url}/">${nameText(name)}/</a></li> `;
    case 'symlink':
      return html`<li>
        <a href="${url}">${nameText(name)}</a
        ><span class="target">→ ${nameText(node.target)}</span>
      </li> `;
    case 'file':
      return html`<li>
        <a href="${url}">${nameText(name)}</a
        ><span
          >${node.executable ? 'executable, ' : ''}${bytesText(node.size)}</span
        >
      </li> `;
  }
}
