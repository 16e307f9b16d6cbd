import { requireDirectory } from '@tvix/castore';
import type {
  CallOptions,
  DirectoryLookup,
  NamedNode,
  Node,
} from '@tvix/castore';
import { NarLister } from '@tvix/nar';
import type { NarEvent } from '@tvix/nar';
import type { CacheContext } from './context.ts';
import { drain } from './drain.ts';
import { decodeHashPart } from './narinfo.ts';
import type { PathInfo } from '../path-info/path-info.ts';
import { wrongNarSize } from './served-nar.ts';
import { notFound, textReply } from './reply.ts';
import type { Resource } from './resource.ts';

const MAX_LISTING_BYTES = 256 * 1024 * 1024;

/**
 * `<hash>.ls`: what the NAR of a path holds, and where in it each file lies, made from the tree. A client that uploads
 * one does so before the NAR: it is taken, and nothing of it is kept.
 */
export function listing(
  context: CacheContext,
  hashPart: string,
): Resource | undefined {
  const outputHash = decodeHashPart(hashPart);
  if (outputHash === undefined) return undefined;
  return {
    async get({ signal }) {
      const pathInfo = await context.pathInfos.get(outputHash, { signal });
      if (pathInfo === undefined) return notFound('no such path');
      return {
        status: 200,
        headers: { 'Content-Type': 'application/json' },
        stream: {
          open: (signal) => listPath(pathInfo, context.directories, { signal }),
        },
      };
    },
    put: {
      maxBytes: MAX_LISTING_BYTES,
      admit: async () => textReply(200, 'is made from the tree'),
      async take(_, body) {
        await drain(body);
        return textReply(200, 'is made from the tree');
      },
    },
  };
}

/**
 * The `.ls` file of a path, as its directories are looked up. No blob is read. It ends where the tree turns out larger
 * than the path info says: a few directories that stand in each other often enough have more entries than can be listed.
 *
 * @throws StoreError `store/corrupt-path-info`
 */
export async function* listPath(
  { node: root, narInfo }: PathInfo,
  directories: DirectoryLookup,
  options?: CallOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const narSize = narInfo?.narSize;
  const lister = new NarLister({ form: 'ls-file' });
  const way: { readonly entries: readonly NamedNode[]; at: number }[] = [];
  let node: Node | undefined = root;
  for (;;) {
    if (node?.type === 'directory') {
      lister.push([{ type: 'directory' }]);
      const { digest } = node;
      const { entries } = await requireDirectory(directories, digest, options);
      way.push({ entries, at: 0 });
    } else if (node !== undefined) {
      lister.push([eventOf(node)]);
    }
    if (narSize !== undefined && lister.position > narSize)
      throw wrongNarSize(narSize);
    yield* lister.take();
    const place = way.at(-1);
    if (place === undefined) break;
    const entry = place.entries[place.at++];
    node = entry?.node;
    if (entry === undefined) {
      way.pop();
      lister.push([{ type: 'end' }]);
    } else {
      lister.push([{ type: 'entry', name: entry.name }]);
    }
  }
  lister.finish();
  yield* lister.take();
}

function eventOf(node: Exclude<Node, { type: 'directory' }>): NarEvent {
  return node.type === 'symlink'
    ? node
    : { type: 'regular', executable: node.executable, size: node.size };
}
