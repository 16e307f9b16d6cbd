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
          open: (signal) =>
            listTree(pathInfo.node, context.directories, { signal }),
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

/** The `.ls` file of a tree, as its directories are looked up. No blob is read. */
export async function* listTree(
  root: Node,
  directories: DirectoryLookup,
  options?: CallOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
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
