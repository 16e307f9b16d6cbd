import { descendTo, isPathComponent, requireDirectory } from '@tvix/castore';
import type { FileNode, PathComponent, SymlinkNode } from '@tvix/castore';
import { STORE_DIR, StorePath } from '@tvix/nar';
import { requestedRange } from './byte-range.ts';
import { StoreError } from '../errors.ts';
import type { CacheContext } from './context.ts';
import { matchesEntityTag } from './entity-tag.ts';
import { directoryPage } from './face/directory-page.ts';
import { nameUrl } from './face/html.ts';
import { decodeHashPart } from './narinfo.ts';
import { IMMUTABLE, notFound, textReply } from './reply.ts';
import type { Reply } from './reply.ts';
import type { CacheRequest, Resource } from './resource.ts';

/** What a browser may show of a file's own making: nothing that acts. */
const FILE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "sandbox; default-src 'none'; img-src 'self'; style-src 'self' 'unsafe-inline'",
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': IMMUTABLE,
};

const MEDIA_TYPES: ReadonlyMap<string, string> = new Map([
  ['css', 'text/css; charset=utf-8'],
  ['gif', 'image/gif'],
  ['htm', 'text/html; charset=utf-8'],
  ['html', 'text/html; charset=utf-8'],
  ['jpeg', 'image/jpeg'],
  ['jpg', 'image/jpeg'],
  ['json', 'application/json'],
  ['pdf', 'application/pdf'],
  ['png', 'image/png'],
  ['svg', 'image/svg+xml'],
  ['webp', 'image/webp'],
]);
const PLAIN =
  /^(|c|cc|cfg|conf|cpp|h|hpp|hs|ini|js|lock|log|md|mjs|nix|patch|pl|py|rb|rs|rst|sh|toml|ts|txt|xml|yaml|yml)$/;

/** `serve/<hash>/…`: a file from inside a store path, or the entries of a directory as a page. */
export function serve(
  { pathInfos, directories, blobs }: CacheContext,
  segments: readonly string[],
): Resource | undefined {
  const [hashPart = '', ...names] = segments;
  const outputHash = decodeHashPart(hashPart.slice(0, 32));
  if (outputHash === undefined) return undefined;
  const isDirectoryUrl = names.at(-1) === '';
  const path: PathComponent[] = [];
  for (const name of isDirectoryUrl ? names.slice(0, -1) : names) {
    const bytes = new Uint8Array(Buffer.from(name, 'latin1'));
    if (!isPathComponent(bytes)) return undefined;
    path.push(bytes);
  }
  return {
    async get(request) {
      const { signal } = request;
      const pathInfo = await pathInfos.get(outputHash, { signal });
      if (pathInfo === undefined) return notFound('no such path');
      const { storePath, node: root } = pathInfo;
      const node = await descendTo(directories, root, path, { signal });
      switch (node?.type) {
        case undefined:
          return notFound('no such file');
        case 'directory': {
          const last = path.at(-1);
          const url = nameUrl(last ?? Buffer.from(hashPart, 'latin1'));
          // Links in the page are relative to the directory.
          if (!isDirectoryUrl) return redirect(`${url}/`);
          const directory = await requireDirectory(directories, node.digest, {
            signal,
          });
          return directoryPage(storePath, path, directory);
        }
        case 'symlink':
          return followLink(
            storePath,
            path,
            node,
            '../'.repeat(path.length + (isDirectoryUrl ? 1 : 0)),
          );
        case 'file': {
          const type = mediaType(path.at(-1));
          return fileReply(node, type, request, (range, signal) =>
            readBlob(blobs, node, range, signal),
          );
        }
      }
    },
  };
}

function mediaType(name: Uint8Array | undefined): string {
  const text = Buffer.from(name ?? []).toString('latin1');
  const dot = text.lastIndexOf('.');
  const extension = dot < 0 ? '' : text.slice(dot + 1).toLowerCase();
  return (
    MEDIA_TYPES.get(extension) ??
    (PLAIN.test(extension)
      ? 'text/plain; charset=utf-8'
      : 'application/octet-stream')
  );
}

function fileReply(
  { digest, size }: FileNode,
  type: string,
  { headers }: CacheRequest,
  read: (
    range: { offset: number; length: number },
    signal: AbortSignal,
  ) => AsyncIterable<Uint8Array>,
): Reply {
  const tag = `"${digest.toHex()}"`;
  if (matchesEntityTag(headers['if-none-match'], tag))
    return { status: 304, headers: { ...FILE_HEADERS, ETag: tag } };
  const length = Number(size);
  const range = requestedRange(headers, tag, length);
  if (range === 'unsatisfiable') {
    return textReply(416, `the file has ${length} bytes`, {
      'Content-Range': `bytes */${length}`,
    });
  }
  const { start, end } = range ?? { start: 0, end: length };
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...FILE_HEADERS,
      'Content-Type': type,
      'Accept-Ranges': 'bytes',
      ETag: tag,
      ...(range && { 'Content-Range': `bytes ${start}-${end - 1}/${length}` }),
    },
    stream: {
      length: end - start,
      open: (signal) => read({ offset: start, length: end - start }, signal),
    },
  };
}

async function* readBlob(
  blobs: CacheContext['blobs'],
  { digest }: FileNode,
  range: { offset: number; length: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = await blobs.openRead(digest, { signal });
  if (reader === undefined) {
    throw new StoreError(
      'store/incomplete-tree',
      `blob ${digest.toString()} is not in the store`,
      { details: { digest } },
    );
  }
  try {
    yield* reader.read(range, { signal });
  } finally {
    await reader.close();
  }
}

/** Leads on to where a link points, as long as that is in the store. */
function followLink(
  storePath: StorePath,
  path: readonly Uint8Array[],
  { target }: SymlinkNode,
  up: string,
): Reply {
  const text = Buffer.from(target).toString('latin1');
  const base = [
    ...STORE_DIR.slice(1).split('/'),
    storePath.toString(),
    ...path.slice(0, -1).map((name) => Buffer.from(name).toString('latin1')),
  ];
  const way = text.startsWith('/') ? [] : base;
  for (const part of text.split('/')) {
    if (part === '..') way.pop();
    else if (part !== '' && part !== '.') way.push(part);
  }
  const [nix, store, name, ...rest] = way;
  if (`/${nix}/${store}` !== STORE_DIR || name === undefined)
    return notFound('the link leads out of the store');
  let linked: StorePath;
  try {
    linked = StorePath.parse(name);
  } catch {
    return notFound('the link leads to no store path');
  }
  const urls = rest.map((part) => nameUrl(Buffer.from(part, 'latin1')));
  return redirect(`${up}${[linked.hashPart, ...urls].join('/')}`);
}

function redirect(location: string): Reply {
  return textReply(302, 'elsewhere', { Location: location });
}
