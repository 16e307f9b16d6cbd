import { createHash } from 'node:crypto';
import { ingestTree } from '@tvix/castore';
import type { CallOptions, Node, TreeEvent } from '@tvix/castore';
import { NarParser } from '@tvix/nar';
import type { NarCalculation } from './calculation.ts';
import type { TreeStorage } from './tree-storage.ts';

/** What came in, and what the archive was that brought it. */
export interface NarIngestion extends NarCalculation {
  /** The root; its directories and blobs are stored. */
  readonly node: Node;
}

/**
 * Reads one archive into castore in a single pass and answers once all of it is stored. The source is read to its end,
 * and every byte is counted and hashed; bytes after the archive are refused. What was stored before a failure may stay,
 * without anything that refers to it.
 *
 * @throws NarError where the bytes are no archive; CastoreError where storing fails; errors of the source unchanged
 */
export async function ingestNar(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  storage: TreeStorage,
  options?: CallOptions,
): Promise<NarIngestion> {
  const hash = createHash('sha256');
  let narSize = 0n;

  async function* hashed(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      hash.update(chunk);
      narSize += BigInt(chunk.length);
      yield chunk;
    }
  }

  const node = await ingestArchive(hashed(), storage, options);
  return { node, narSize, narSha256: new Uint8Array(hash.digest()) };
}

/** As {@link ingestNar}, of an archive that is counted and hashed elsewhere: answers with the root alone. */
export async function ingestArchive(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  storage: TreeStorage,
  options?: CallOptions,
): Promise<Node> {
  async function* events(): AsyncGenerator<readonly TreeEvent[]> {
    const parser = new NarParser();
    for await (const chunk of source) {
      options?.signal?.throwIfAborted();
      yield parser.push(chunk);
    }
    parser.finish();
  }

  return ingestTree(events(), storage, options);
}
