import { MESSAGES_UNDER_WAY } from './message-size.ts';
import { fromFailure } from './portable-failure.ts';
import type { FromThread, ToThread } from './thread-messages.ts';
import type { Compression } from '../compression/compression.ts';
import type { Contents, FileOutcome } from './packed-file.ts';

/** What unpacking needs of the thread that does it. */
export interface ThreadLink {
  /** Says that a file comes; answers with its number. Called once, when it is first asked for what is in it. */
  readonly open: () => number;
  readonly tell: (message: ToThread, moved?: readonly ArrayBuffer[]) => void;
  /** Says that nothing more of a file is wanted. */
  readonly close: (id: number) => void;
}

type Output = Extract<FromThread, { readonly type: 'output' }>;

/** A file that another thread unpacks: it is read ahead of what is asked for by a few messages. */
export class FileElsewhere implements Contents {
  readonly pieces: AsyncIterable<Uint8Array>;
  readonly #messageBytes: number;
  readonly #link: ThreadLink;
  #id = 0;
  /** Bytes that the thread has and didn't take in. */
  #inputBytes = 0;
  readonly #outputs: Output[] = [];
  #compression: Compression | undefined;
  #outcome: FileOutcome | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isOver = false;
  #onRoom: () => void = () => {};
  #onOutput: () => void = () => {};

  /** So many bytes go over at a time. */
  constructor(
    file: AsyncIterable<Uint8Array>,
    messageBytes: number,
    link: ThreadLink,
  ) {
    this.#messageBytes = messageBytes;
    this.#link = link;
    this.pieces = this.#pieces(file);
  }

  get compression(): Compression | undefined {
    return this.#compression;
  }

  outcome(): FileOutcome {
    if (this.#outcome === undefined) throw new Error('the file was not read');
    return this.#outcome;
  }

  /** The thread tells something of the file. */
  hear(message: FromThread): void {
    switch (message.type) {
      case 'taken':
        this.#inputBytes -= message.bytes;
        this.#onRoom();
        return;
      case 'output':
        this.#outputs.push(message);
        return this.#onOutput();
      case 'done':
        this.#outcome = message.outcome;
        return this.#onOutput();
      case 'failed':
        this.fail(fromFailure(message.failure));
    }
  }

  /** Nothing more will come. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#onOutput();
    this.#onRoom();
  }

  async *#pieces(
    file: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    this.#id = this.#link.open();
    const pieces = file[Symbol.asyncIterator]();
    // What goes wrong with it is told as a failure. A decoder may be done before it is.
    void this.#tellAll(pieces);
    try {
      for (;;) {
        const output = this.#outputs.shift();
        if (output !== undefined) {
          this.#compression = output.compression;
          yield output.bytes;
          this.#giveBack(output);
        } else if (this.#failure !== undefined) throw this.#failure.error;
        else if (this.#outcome !== undefined) break;
        else await new Promise<void>((resolve) => (this.#onOutput = resolve));
      }
    } finally {
      this.#isOver = true;
      this.#onRoom();
      if (this.#outcome === undefined)
        this.#link.tell({ type: 'cancel', id: this.#id });
      this.#link.close(this.#id);
      // A source that waits for its next bytes ends when they come: nobody has to wait for that.
      void Promise.resolve(pieces.return?.()).catch(() => {});
    }
  }

  /** Tells the thread all of the file, as fast as it takes it in. */
  async #tellAll(pieces: AsyncIterator<Uint8Array>): Promise<void> {
    try {
      let batch: Uint8Array<ArrayBuffer>[] = [];
      let bytes = 0;
      for (;;) {
        const { done, value } = await pieces.next();
        if (this.#isOver) return;
        const isLast = done === true;
        if (!isLast) bytes += batch[batch.push(ownedBytes(value)) - 1]!.length;
        if (bytes >= this.#messageBytes || isLast) {
          await this.#room();
          if (this.#isOver) return;
          this.#inputBytes += bytes;
          this.#link.tell(
            { type: 'input', id: this.#id, pieces: batch, isLast },
            batch.map(({ buffer }) => buffer),
          );
          batch = [];
          bytes = 0;
        }
        if (isLast) return;
      }
    } catch (error) {
      this.fail(error);
    }
  }

  async #room(): Promise<void> {
    const most = MESSAGES_UNDER_WAY * this.#messageBytes;
    while (this.#inputBytes >= most && !this.#isOver)
      await new Promise<void>((resolve) => (this.#onRoom = resolve));
  }

  #giveBack({ id, bytes: { buffer: memory } }: Output): void {
    this.#link.tell({ type: 'free', id, memory }, [memory]);
  }
}

/** The bytes in memory that holds nothing else, so that it can be handed over. */
function ownedBytes(piece: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = piece;
  const isOwn =
    buffer instanceof ArrayBuffer && buffer.byteLength === piece.length;
  // A Node buffer's own `slice` would be a view.
  return isOwn
    ? (piece as Uint8Array<ArrayBuffer>)
    : (Uint8Array.prototype.slice.call(piece) as Uint8Array<ArrayBuffer>);
}
