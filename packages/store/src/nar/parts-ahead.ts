import type {
  BlobFiller,
  BlobService,
  B3Digest,
  StoredFile,
} from '@tvix/castore';
import type { NarWriter } from '@tvix/nar';
import { RENDER_BUFFER_BYTES } from './render-buffers.ts';
import type { RenderBuffers } from './render-buffers.ts';

/** So many parts of one archive are being filled at a time. */
const MOST_PARTS = 4;

/** Some of an archive, as much as was laid out in one buffer. */
interface Part {
  readonly pieces: readonly Uint8Array[];
  /** Settles once the files in it are in their places; `undefined` where they are. */
  readonly filled: Promise<void> | undefined;
}

/**
 * The archive of a tree whose blobs lie here, part by part: one is laid out, with room for the contents of its files,
 * while those before it are being filled elsewhere. The first is filled at once, so that whoever waits for it has it soon,
 * and so is each for which there is no allowance.
 */
export class PartsAhead {
  readonly #blobs: Pick<BlobService, 'readWhole'>;
  readonly #filler: BlobFiller | undefined;
  readonly #buffers: RenderBuffers | undefined;
  readonly #parts: Part[] = [];
  /** The buffer that is laid out now. */
  #buffer: Uint8Array | undefined;
  /** Whether it is filled elsewhere. */
  #isAhead = false;

  constructor(
    blobs: Pick<BlobService, 'readWhole' | 'openFiller'>,
    buffers: RenderBuffers | undefined,
  ) {
    this.#blobs = blobs;
    this.#buffers = buffers;
    this.#filler = buffers && blobs.openFiller?.();
  }

  /** For a writer. */
  allocate(): Uint8Array {
    this.#buffer =
      this.#buffers?.take() ?? Buffer.allocUnsafeSlow(RENDER_BUFFER_BYTES);
    return this.#buffer;
  }

  /** Puts the contents of a file that was begun to their place. False where they don't fit, or aren't here in one piece. */
  put(writer: NarWriter, { digest, size }: StoredFile): boolean {
    if (size === 0n) return this.#blobs.readWhole!(digest, NOTHING);
    const length = size <= RENDER_BUFFER_BYTES ? Number(size) : undefined;
    const room = length && writer.room(length);
    this.collect(writer);
    if (!room || !this.#read(digest, room)) return false;
    writer.filled(room.length);
    return true;
  }

  /** Takes what the writer has ready: to be called before anything is put into its next buffer. */
  collect(writer: NarWriter): void {
    const pieces = writer.take();
    const last = pieces.at(-1);
    if (last === undefined) return;
    if (this.#buffer?.buffer === last.buffer) this.#buffer = undefined;
    const filled = this.#isAhead ? this.#filler!.fill() : undefined;
    // Whoever comes to it gets the failure; until then nobody listens.
    filled?.catch(() => {});
    this.#parts.push({ pieces, filled });
    this.#isAhead = this.#filler !== undefined && this.#buffers!.beginAhead();
  }

  /** Whether a part is to be taken before more is laid out. */
  get isDue(): boolean {
    const [first] = this.#parts;
    return (
      first !== undefined &&
      (!this.#isAhead ||
        first.filled === undefined ||
        this.#parts.length >= MOST_PARTS)
    );
  }

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  /** The next part, once it is filled. */
  async next(): Promise<readonly Uint8Array[]> {
    const { pieces, filled } = this.#parts[0]!;
    await filled;
    this.#parts.shift();
    if (filled !== undefined) this.#buffers!.endAhead();
    return pieces;
  }

  /** Whether the buffer that is laid out now is filled elsewhere. */
  get isAhead(): boolean {
    return this.#isAhead;
  }

  /** Lets go of what nobody took; buffers that are being filled come back after that. */
  async letGo(): Promise<void> {
    if (this.#buffer !== undefined) this.#buffers?.give(this.#buffer);
    if (this.#isAhead) this.#buffers?.endAhead();
    for (const { pieces, filled } of this.#parts.splice(0)) {
      await filled?.catch(() => {});
      if (filled !== undefined) this.#buffers?.endAhead();
      for (const piece of pieces) this.#buffers?.give(piece);
    }
  }

  #read(digest: B3Digest, room: Uint8Array): boolean {
    return this.#isAhead
      ? this.#filler!.add(digest, room)
      : this.#blobs.readWhole!(digest, room);
  }
}

const NOTHING = new Uint8Array(0);
