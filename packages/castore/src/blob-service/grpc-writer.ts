import type { B3Digest } from '../digest/b3-digest.ts';
import { createHasher } from '../digest/hasher.ts';
import { CastoreError } from '../errors.ts';
import type { BlobChunk } from '../grpc/blob-chunk.ts';
import { ChunkPacker } from '../grpc/chunk-packer.ts';
import { OutgoingStream } from '../grpc/outgoing-stream.ts';
import { receivedDigest } from '../grpc/received-digests.ts';
import { statusToFailure } from '../grpc/status.ts';
import type { BlobWriter, CallOptions } from './blob-service.ts';
import { corruptBlob } from './grpc-stream.ts';
import type { BlobServiceClient } from './grpc-stream.ts';

/** How many messages wait for the network. */
const QUEUED_MESSAGES = 4;

/**
 * A message that no server can decode. Node ends a request stream in order before it resets it, so that a server might
 * take a cancelled call for a finished blob, were it not for this at its end.
 */
const SPOILER: BlobChunk = {
  data: new Uint8Array(0),
  encoded: Uint8Array.of(0x0a, 0xff),
};

/** How long a server may take to notice, before the call is cancelled all the same. */
const SPOILED_MS = 1000;

/** Writes one blob to a server through one `Put` stream, which starts with the first message that is full. */
export class GrpcBlobWriter implements BlobWriter {
  readonly #client: Pick<BlobServiceClient, 'put'>;
  readonly #signal: AbortSignal | undefined;
  readonly #cancel = new AbortController();
  readonly #packer = new ChunkPacker();
  readonly #hasher = createHasher();
  readonly #stream = new OutgoingStream<BlobChunk>(QUEUED_MESSAGES);
  readonly #onAbort = (): void => void this.#stop();
  #answer: Promise<B3Digest> | undefined;
  #closing: Promise<B3Digest> | undefined;
  #isAborted = false;
  #isEnded = false;

  constructor(client: Pick<BlobServiceClient, 'put'>, options?: CallOptions) {
    this.#client = client;
    this.#signal = options?.signal;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#closing !== undefined || this.#isAborted)
      throw new CastoreError('castore/closed', 'the blob writer is closed');
    this.#signal?.throwIfAborted();
    this.#hasher.update(chunk);
    for (const message of this.#packer.add(chunk)) await this.#send(message);
  }

  async close(): Promise<B3Digest> {
    if (this.#isAborted)
      throw new CastoreError('castore/closed', 'the blob was given up');
    return await (this.#closing ??= this.#finish());
  }

  async abort(): Promise<void> {
    if (this.#closing !== undefined || this.#isAborted) return;
    this.#isAborted = true;
    await this.#stop();
  }

  async #finish(): Promise<B3Digest> {
    this.#signal?.throwIfAborted();
    const last = this.#packer.finish();
    if (last !== undefined) await this.#send(last);
    const answer = (this.#answer ??= this.#start());
    this.#isEnded = true;
    this.#stream.end();
    const stored = await answer;
    const sent = this.#hasher.digest();
    if (!stored.equals(sent)) throw corruptBlob(sent, stored);
    return stored;
  }

  /** Ends the call so that nothing is stored, unless all was sent already. */
  async #stop(): Promise<void> {
    if (this.#answer === undefined) return;
    if (!this.#isEnded) {
      this.#stream.endWith(SPOILER);
      await settledWithin(this.#answer, SPOILED_MS);
    }
    this.#cancel.abort();
  }

  async #send(message: BlobChunk): Promise<void> {
    const answer = (this.#answer ??= this.#start());
    await this.#stream.push(message);
    this.#signal?.throwIfAborted();
    if (!this.#stream.isAbandoned) return;
    // The server ended the call: its failure comes out of the answer.
    await answer;
    throw new CastoreError(
      'castore/protocol',
      'remote: the server answered before the end of the blob',
    );
  }

  #start(): Promise<B3Digest> {
    this.#signal?.addEventListener('abort', this.#onAbort);
    const answer = this.#call();
    // Awaited by a later write or close; until then nobody listens.
    answer.catch(() => undefined);
    return answer;
  }

  async #call(): Promise<B3Digest> {
    try {
      const { digest } = await this.#client.put(this.#stream, {
        signal: this.#cancel.signal,
      });
      return receivedDigest(digest);
    } catch (error) {
      throw statusToFailure(error, this.#signal);
    } finally {
      this.#signal?.removeEventListener('abort', this.#onAbort);
      this.#stream.abandon();
    }
  }
}

/** Waits for a promise to settle, however it does, but not for long. */
async function settledWithin(
  promise: Promise<unknown>,
  timeoutMs: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([promise.catch(() => undefined), timeout]);
  clearTimeout(timer);
}
