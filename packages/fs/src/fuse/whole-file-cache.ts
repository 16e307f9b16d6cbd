import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobCache, BlobRef } from '../blob-cache.ts';
import { SharedLoads } from '../shared-loads.ts';

/** A copy of a blob in a file that has no name any more: it goes with its descriptor. */
interface Copy {
  readonly file: FileHandle;
  readonly bytes: number;
}

/** How much is copied at a time. */
const STEP_BYTES = 1024 * 1024;

/** Copies of whole blobs on disk, the least recently used leaving first. Nothing is left behind, however we end. */
export class WholeFileCache {
  readonly #directory: string;
  readonly #limitBytes: number;
  readonly #blobs: BlobCache;
  readonly #copies = new Map<string, Copy>();
  readonly #loads = new SharedLoads<Copy>();
  #bytes = 0;
  #lastName = 0;

  constructor(directory: string, limitBytes: number, blobs: BlobCache) {
    this.#directory = directory;
    this.#limitBytes = limitBytes;
    this.#blobs = blobs;
  }

  /** Whether a copy of that length is worth a place. */
  takes(bytes: number): boolean {
    return bytes <= this.#limitBytes;
  }

  /** The descriptor of a copy: valid until the event loop turns. */
  async descriptor(blob: BlobRef): Promise<number> {
    const { key } = blob.digest;
    let copy = this.#copies.get(key);
    copy ??= await this.#loads.join(key, () => this.#copy(blob));
    if (this.#copies.delete(key)) this.#copies.set(key, copy);
    return copy.file.fd;
  }

  async #copy(blob: BlobRef): Promise<Copy> {
    const path = join(
      this.#directory,
      `.tvix-fs-${process.pid}-${++this.#lastName}`,
    );
    const file = await open(path, 'wx+', 0o600);
    try {
      await unlink(path);
      for (let at = 0; at < blob.size; at += STEP_BYTES) {
        const length = Math.min(STEP_BYTES, blob.size - at);
        let place = at;
        for (const part of await this.#blobs.load(blob, at, length)) {
          await writeAll(file, part, place);
          place += part.length;
        }
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    const copy = { file, bytes: blob.size };
    this.#copies.set(blob.digest.key, copy);
    this.#bytes += copy.bytes;
    this.#evict();
    return copy;
  }

  #evict(): void {
    for (const [key, { file, bytes }] of this.#copies) {
      if (this.#bytes <= this.#limitBytes || this.#copies.size === 1) return;
      this.#copies.delete(key);
      this.#bytes -= bytes;
      // The kernel keeps what it still reads.
      void file.close();
    }
  }

  /** Closes all copies. */
  close(): void {
    for (const { file } of this.#copies.values()) void file.close();
    this.#copies.clear();
  }
}

/** A disk that is about to be full takes less than it is given, and fails the next write. */
async function writeAll(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(
      bytes,
      done,
      bytes.length - done,
      position + done,
    );
    done += bytesWritten;
  }
}
