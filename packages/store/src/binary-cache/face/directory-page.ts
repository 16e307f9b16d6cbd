import type { Directory, NamedNode } from '@tvix/castore';
import type { StorePath } from '@tvix/nar';
import type { Reply } from '../reply.ts';
import { bytesText, html, nameText, nameUrl } from './html.ts';
import type { Html } from './html.ts';
import { pageReply } from './page.ts';

/** The entries of a directory in a store path, for people. Its address ends in a slash: links are relative to it. */
export function directoryPage(
  storePath: StorePath,
  path: readonly Uint8Array[],
  { entries }: Directory,
): Reply {
  const shown = [storePath.toString(), ...path.map(nameText)].join('/');
  const up = '../'.repeat(path.length);
  const parent =
    path.length === 0 ? html`` : html`<li><a href="../">..</a></li> `;
  return pageReply(
    shown,
    html`<p>
        <a href="${up}../../path/${storePath.hashPart}">${storePath.name}</a>
      </p>
      <h1>${shown}</h1>
      <ul>
        ${parent}${entries.map(item)}
      </ul>`,
  );
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
