import type { OutputMemory } from './output-memory.ts';
import { PackedFile } from './packed-file.ts';
import type { UnpackOptions } from './packed-file.ts';
import { MESSAGES_UNDER_WAY } from './message-size.ts';
import { toFailure } from './portable-failure.ts';
import type { FromThread } from './thread-messages.ts';

/** Decoders put out a block at a time: with less room, the memory is as good as full. */
const LEAST_ROOM_BYTES = 32 * 1024;

const CANCELLED = new Error('nobody wants the rest of the file');

/** A file that is unpacked in this thread for another one. */
export class FileInThread {
  readonly #id: number;
  readonly #messageBytes: number;
  readonly #memory: OutputMemory;
  readonly #tell: (message: FromThread) => void;
  #pieces: Uint8Array[] = [];
  #isWhole = false;
  #isCancelled = false;
  /** Bytes of the file that were taken in and not told of. */
  #taken = 0;
  /** Messages of output that weren't used. */
  #underWay = 0;
  /** What comes out is laid in here, from the beginning. */
  #room = new Uint8Array(0);
  #filled = 0;
  /** Decoders of Node's read ahead: file and memory may be waited for at once. */
  #waiting: (() => void)[] = [];

  constructor(
    id: number,
    messageBytes: number,
    memory: OutputMemory,
    tell: (message: FromThread) => void,
  ) {
    this.#id = id;
    this.#messageBytes = messageBytes;
    this.#memory = memory;
    this.#tell = tell;
  }

  /** Takes the next bytes of the file. */
  push(pieces: readonly Uint8Array[], isLast: boolean): void {
    this.#pieces.push(...pieces);
    this.#isWhole = isLast;
    this.#wake();
  }

  /** A message of output was used. */
  freed(): void {
    this.#underWay -= 1;
    this.#wake();
  }

  /** Ends the unpacking, which tells nothing more. */
  cancel(): void {
    this.#isCancelled = true;
    this.#wake();
  }

  /** Unpacks the file to its end, and tells what becomes of it. */
  async unpack(options: UnpackOptions): Promise<void> {
    const id = this.#id;
    try {
      const file = new PackedFile(this.#file(), options, {
        memory: () => this.#room.subarray(this.#filled),
      });
      await this.#send(file);
      this.#tell({ type: 'done', id, outcome: file.outcome() });
    } catch (error) {
      if (!this.#isCancelled)
        this.#tell({ type: 'failed', id, failure: toFailure(error) });
    }
  }

  async *#file(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        yield piece;
        this.#taken += piece.length;
        if (this.#taken >= this.#messageBytes) this.#tellTaken();
      } else if (this.#isWhole) return;
      else await this.#changed();
    }
  }

  #tellTaken(): void {
    this.#tell({ type: 'taken', id: this.#id, bytes: this.#taken });
    this.#taken = 0;
  }

  async #send(file: PackedFile): Promise<void> {
    await this.#makeRoom();
    for await (const piece of file.pieces) {
      for (let at = 0; at < piece.length;) {
        at += this.#lay(piece.subarray(at));
        if (this.#room.length - this.#filled < LEAST_ROOM_BYTES) {
          this.#sendRoom(file);
          await this.#makeRoom();
        }
      }
    }
    this.#sendRoom(file);
  }

  /** Takes as much of the bytes as there is room for, and answers with how much that was. */
  #lay(bytes: Uint8Array): number {
    const room = this.#room.subarray(this.#filled);
    const laid = bytes.subarray(0, room.length);
    const isThere =
      laid.buffer === room.buffer && laid.byteOffset === room.byteOffset;
    if (!isThere) room.set(laid);
    this.#filled += laid.length;
    return laid.length;
  }

  #sendRoom({ compression }: PackedFile): void {
    const bytes = this.#room.subarray(0, this.#filled);
    this.#tell({
      type: 'output',
      id: this.#id,
      bytes,
      compression: compression!,
    });
  }

  async #makeRoom(): Promise<void> {
    while (this.#underWay === MESSAGES_UNDER_WAY) await this.#changed();
    this.#underWay += 1;
    this.#room = new Uint8Array(this.#memory.take(this.#messageBytes));
    this.#filled = 0;
  }

  async #changed(): Promise<void> {
    if (!this.#isCancelled)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#isCancelled) throw CANCELLED;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
