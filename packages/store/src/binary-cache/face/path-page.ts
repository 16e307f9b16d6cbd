import { closureOf } from '../../copy/closure.ts';
import type { PathInfo } from '../../path-info/path-info.ts';
import type { CacheContext } from '../context.ts';
import { decodeHashPart } from '../narinfo.ts';
import { notFound } from '../reply.ts';
import type { Resource } from '../resource.ts';
import { signedForReading } from '../sign-on-read.ts';
import { bytesText, html, pathsText } from './html.ts';
import type { Html } from './html.ts';
import { pageReply } from './page.ts';

/** So many paths of a closure are summed up. */
const MAX_CLOSURE = 2000;

/** `path/<hash>`: what is known of a path, for people. */
export function pathPage(
  context: CacheContext,
  segments: readonly string[],
): Resource | undefined {
  const outputHash =
    segments.length === 1 ? decodeHashPart(segments[0]!) : undefined;
  if (outputHash === undefined) return undefined;
  return {
    async get({ signal }) {
      const stored = await context.pathInfos.get(outputHash, { signal });
      if (stored === undefined) return notFound('no such path');
      // With the signatures that its narinfo is served with.
      const pathInfo = await signedForReading(stored, context, { signal });
      const closure = await context.closureTexts.to(
        pathInfo.storePath.hashPart,
        () => closureText(pathInfo, context),
      );
      return pageReply(
        pathInfo.storePath.name,
        html`<p><a href="../">Nix binary cache</a></p>
          <h1>${pathInfo.storePath.name}</h1>
          <p><code>${pathInfo.storePath.toAbsolutePath()}</code></p>
          ${facts(pathInfo, closure)} ${references(pathInfo)}`,
      );
    },
  };
}

function facts({ storePath, narInfo }: PathInfo, closure: string): Html {
  const { hashPart } = storePath;
  const signatures = narInfo?.signatures.map(({ name }) => name) ?? [];
  return html`<dl>
    <dt>NAR</dt>
    <dd>${narInfo ? bytesText(narInfo.narSize) : 'not known'}</dd>
    <dt>Closure</dt>
    <dd>${closure}</dd>
    <dt>Deriver</dt>
    <dd>
      ${narInfo?.deriver ? `${narInfo.deriver.toString()}.drv` : 'not known'}
    </dd>
    <dt>Signed by</dt>
    <dd>${signatures.length > 0 ? signatures.join(', ') : 'nobody'}</dd>
    <dt>Contents</dt>
    <dd>
      <a href="../serve/${hashPart}/">files</a> ·
      <a href="../${hashPart}.narinfo">narinfo</a> ·
      <a href="../${hashPart}.ls">listing</a>
    </dd>
  </dl>`;
}

function references({ storePath, narInfo }: PathInfo): Html {
  const others = (narInfo?.references ?? []).filter(
    (reference) => !reference.equals(storePath),
  );
  if (others.length === 0)
    return html`<h2>References</h2>
      <p class="dim">It refers to no other path.</p>`;
  const items = others.map(
    (reference) =>
      html`<li>
        <a href="${reference.hashPart}">${reference.toString()}</a>
      </li> `,
  );
  return html`<h2>References</h2>
    <ul>
      ${items}
    </ul>`;
}

async function closureText(
  { storePath }: PathInfo,
  { pathInfos }: CacheContext,
): Promise<string> {
  let count = 0;
  let bytes = 0n;
  try {
    const closure = closureOf([storePath.digest], pathInfos);
    for await (const { narInfo } of closure) {
      count++;
      bytes += narInfo?.narSize ?? 0n;
      if (count >= MAX_CLOSURE)
        return `more than ${count} paths, ${bytesText(bytes)}`;
    }
  } catch (error) {
    if (isPathNotFound(error)) return 'not complete here';
    throw error;
  }
  return `${pathsText(count)}, ${bytesText(bytes)}`;
}

function isPathNotFound(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    error.code === 'store/path-not-found'
  );
}
