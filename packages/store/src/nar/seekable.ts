import { CastoreError } from '@tvix/castore';
import type {
  BlobService,
  CallOptions,
  DirectoryLookup,
  FileNode,
  Node,
} from '@tvix/castore';
import { cutNar } from './cut.ts';
import { renderNar } from './render.ts';
import type { RenderOptions } from './render-source.ts';
import type { NarSizes } from './sizes.ts';
import type { TreeStorage } from './tree-storage.ts';

/**
 * The NAR of a castore node from a byte offset on, in pieces as `renderNar` tells it. Nothing that comes before the
 * offset is rendered, and a file is read from its middle: it costs as much as looking up the sizes of directories, which
 * `sizes` remembers. An offset at or beyond the end gives nothing.
 *
 * @throws RangeError for a negative offset; CastoreError and StoreError as `renderNar`
 */
export async function* renderNarFrom(
  node: Node,
  offset: bigint,
  storage: TreeStorage,
  sizes: NarSizes,
  options?: RenderOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (offset < 0n) throw new RangeError(`negative offset: ${offset}`);
  if (offset === 0n) return yield* renderNar(node, storage, options);
  const total = await sizes.ofArchive(node, options);
  if (offset >= total) return;

  const { blobs, directories } = storage;
  const cut = await cutNar(node, offset, directories, sizes, options);
  let left = total - offset;
  if (cut.file !== undefined) {
    const { node: file, skipped } = cut.file;
    left -= file.size - skipped;
    yield* readContents(file, skipped, blobs, options);
  }
  left -= BigInt(cut.closing.length);
  if (cut.closing.length > 0) yield cut.closing;
  if (cut.rest === undefined || left === 0n) return;

  const overlay: DirectoryLookup = {
    get: async (digest, options) =>
      cut.made.get(digest) ?? directories.get(digest, options),
  };
  let skip = Number(cut.rest.narSize - left);
  const rest = { blobs, directories: overlay };
  for await (const piece of renderNar(cut.rest.node, rest, options)) {
    if (skip < piece.length) yield skip === 0 ? piece : piece.subarray(skip);
    skip = Math.max(0, skip - piece.length);
  }
}

/** The contents of a file from the middle on, exactly as many bytes as its node says. */
async function* readContents(
  { digest, size }: FileNode,
  skipped: bigint,
  blobs: Pick<BlobService, 'openRead'>,
  options?: CallOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = await blobs.openRead(digest, options);
  if (reader === undefined) {
    throw new CastoreError(
      'castore/blob-not-found',
      `blob ${digest.toString()} is not in the store`,
      { details: { digest } },
    );
  }
  try {
    let left = Number(size - skipped);
    const range = { offset: Number(skipped), length: left };
    for await (const piece of reader.read(range, options)) {
      left -= piece.length;
      yield piece;
    }
    if (left !== 0) {
      throw new CastoreError(
        'castore/wrong-size',
        `blob ${digest.toString()} is ${left} bytes shorter than its file`,
        { details: { digest, expected: size, found: size - BigInt(left) } },
      );
    }
  } finally {
    await reader.close();
  }
}
