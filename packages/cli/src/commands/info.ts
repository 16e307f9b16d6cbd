import { formatNarInfo } from '@tvix/nar';
import { pathInfoToNarInfo } from '@tvix/store';
import type { Command } from '../command.ts';
import { pathInfoJson } from '../path-info-json.ts';
import {
  parseWholeStorePath,
  requirePathInfo,
} from '../store-path-argument.ts';
import { withStoreToRead } from '../with-store.ts';

/** Lines of a narinfo that tell of a file in a binary cache, which there is none of. */
const FILE_LINES = /^(URL|Compression|FileHash|FileSize): .*\n/gm;

/** Prints what is known of a store path: the lines of a narinfo and the digest of the root node, or JSON. */
export const info: Command = async (context, { operands }) => {
  const storePath = parseWholeStorePath(operands[0] ?? '');
  const { output, json } = context;
  await withStoreToRead(context, async (store) => {
    const pathInfo = await requirePathInfo(store, storePath);
    if (json) return output.json(pathInfoJson(pathInfo));
    const narInfo = pathInfoToNarInfo(pathInfo, 'none');
    const lines =
      narInfo === undefined
        ? `StorePath: ${storePath.toAbsolutePath()}\n`
        : formatNarInfo(narInfo).replace(FILE_LINES, '');
    const { node } = pathInfo;
    const root =
      node.type === 'symlink' ? '' : `\nRootNode: ${node.digest.toString()}`;
    await output.line(lines.trimEnd() + root);
  });
};
