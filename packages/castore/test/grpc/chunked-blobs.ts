import { MemoryBlobService } from '../../src/blob-service/memory.ts';
import { hashBytes } from '../../src/digest/hasher.ts';

/** Names chunks for the blobs that were added as such. */
export class ChunkedBlobService extends MemoryBlobService {
  readonly #lists = new Map<
    string,
    { digest: ReturnType<typeof hashBytes>; size: number }[]
  >();
  readonly #pending: Promise<unknown>[] = [];

  addChunked(
    contents: Uint8Array,
    chunkBytes: number,
  ): { digest: ReturnType<typeof hashBytes>; parts: Uint8Array[] } {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < contents.length; at += chunkBytes)
      parts.push(contents.slice(at, at + chunkBytes));
    this.#pending.push(this.putMany([contents, ...parts]));
    const digest = hashBytes(contents);
    this.#lists.set(
      digest.key,
      parts.map((part) => ({ digest: hashBytes(part), size: part.length })),
    );
    return { digest, parts };
  }

  override async stat(
    ...[digest, options]: Parameters<MemoryBlobService['stat']>
  ): ReturnType<MemoryBlobService['stat']> {
    await Promise.all(this.#pending);
    const stat = await super.stat(digest, options);
    return stat && { ...stat, chunks: this.#lists.get(digest.key) ?? [] };
  }
}
