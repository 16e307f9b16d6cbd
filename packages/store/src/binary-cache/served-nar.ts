import { compareBytes } from '@tvix/castore';
import type { CallOptions, Node } from '@tvix/castore';
import { isTreeStored } from '../nar/is-tree-stored.ts';
import type { CacheContext } from './context.ts';
import type { NarName } from './nar-name.ts';
import { getUploadedNar } from './uploaded-nar.ts';
import type { Compression } from '../compression/compression.ts';

/** A NAR that a name leads to. */
export interface ServedNar {
  readonly node: Node;
  readonly narSha256: Uint8Array;
  readonly narSize: bigint;
  /** How a client expects the file that the name stands for. */
  readonly compression: Compression;
  /** Bytes of the file that was uploaded under the name. */
  readonly fileSize?: number;
}

/** The NAR that a name leads to; `undefined` where there is none. */
export async function findNar(
  name: NarName,
  context: CacheContext,
  options?: CallOptions,
): Promise<ServedNar | undefined> {
  switch (name.type) {
    case 'path': {
      const pathInfo =
        (await context.pathInfos.get(name.outputHash, options)) ??
        (await context.substituter?.fetch(name.outputHash, options));
      if (pathInfo === undefined) return undefined;
      const { node, narInfo } = pathInfo;
      const { narSha256, narSize } =
        narInfo ?? (await context.narCalculation.calculateNar(node, options));
      // Under the name of another NAR there is nothing: the path was replaced since.
      if (name.narSha256 && compareBytes(name.narSha256, narSha256) !== 0)
        return undefined;
      return { node, narSha256, narSize, compression: 'none' };
    }
    case 'file': {
      const { nars } = context.tables;
      const uploaded = await getUploadedNar(nars, name.fileSha256);
      if (uploaded === undefined) return undefined;
      // Nothing but the record refers to the tree before a narinfo does: it may have been collected since.
      if (!(await isTreeStored(uploaded.node, context, options)))
        return undefined;
      return uploaded.compression === (name.compression ?? 'none') ||
        (uploaded.compression === 'gzip' && name.compression === undefined)
        ? uploaded
        : undefined;
    }
    case 'node': {
      const { node } = name;
      if (
        node.type === 'directory' &&
        (await context.directories.get(node.digest, options)) === undefined
      )
        return undefined;
      if (
        node.type === 'file' &&
        !(await context.blobs.has(node.digest, options))
      )
        return undefined;
      const calculation = await context.narCalculation.calculateNar(
        node,
        options,
      );
      return { node, ...calculation, compression: 'none' };
    }
  }
}
