import { B3Digest } from '../digest/b3-digest.ts';
import { createHasher } from '../digest/hasher.ts';
import { CastoreError } from '../errors.ts';
import { ChunkPacker } from '../grpc/chunk-packer.ts';
import type { BlobChunk } from '../grpc/codecs.ts';
import { OutgoingStream } from '../grpc/outgoing-stream.ts';
import { statusToFailure } from '../grpc/status.ts';
import type { BlobWriter, CallOptions } from './blob-service.ts';
import { corruptBlob } from './grpc-stream.ts';
import type { BlobServiceClient } from './grpc-stream.ts';

/** How many messages wait for the network. */
const QUEUED_MESSAGES = 4;

/** Writes one blob to a server through one `Put` stream, which starts with the first message that is full. */
export class GrpcBlobWriter implements BlobWriter {
  readonly #client: Pick<BlobServiceClient, 'put'>;
  readonly #signal: AbortSignal;
  readonly #giveUp = new AbortController();
  readonly #packer = new ChunkPacker();
  readonly #hasher = createHasher();
  readonly #stream = new OutgoingStream<BlobChunk>(QUEUED_MESSAGES);
  #answer: Promise<B3Digest> | undefined;
  #closing: Promise<B3Digest> | undefined;

  constructor(client: Pick<BlobServiceClient, 'put'>, options?: CallOptions) {
    this.#client = client;
    this.#signal = AbortSignal.any([
      this.#giveUp.signal,
      ...(options?.signal === undefined ? [] : [options.signal]),
    ]);
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#assertOpen();
    this.#signal.throwIfAborted();
    this.#hasher.update(chunk);
    for (const message of this.#packer.add(chunk)) await this.#send(message);
  }

  async close(): Promise<B3Digest> {
    if (this.#giveUp.signal.aborted)
      throw new CastoreError('castore/closed', 'the blob was given up');
    return await (this.#closing ??= this.#finish());
  }

  async abort(): Promise<void> {
    if (this.#closing !== undefined) return;
    this.#giveUp.abort();
    this.#stream.abandon();
  }

  async #finish(): Promise<B3Digest> {
    this.#signal.throwIfAborted();
    const last = this.#packer.finish();
    if (last !== undefined) await this.#send(last);
    const answer = (this.#answer ??= this.#start());
    this.#stream.end();
    const stored = await answer;
    const sent = this.#hasher.digest();
    if (!stored.equals(sent)) throw corruptBlob(sent, stored);
    return stored;
  }

  async #send(message: BlobChunk): Promise<void> {
    const answer = (this.#answer ??= this.#start());
    await this.#stream.push(message);
    if (!this.#stream.isAbandoned) return;
    // The server ended the call: its failure comes out of the answer.
    await answer;
    throw new CastoreError(
      'castore/protocol',
      'remote: the server answered before the end of the blob',
    );
  }

  #start(): Promise<B3Digest> {
    const answer = this.#call();
    // Awaited by a later write or close; until then nobody listens.
    answer.catch(() => undefined);
    return answer;
  }

  async #call(): Promise<B3Digest> {
    try {
      const { digest } = await this.#client.put(this.#stream, {
        signal: this.#signal,
      });
      return B3Digest.fromBytes(digest);
    } catch (error) {
      throw statusToFailure(error, this.#signal);
    } finally {
      this.#stream.abandon();
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined || this.#giveUp.signal.aborted)
      throw new CastoreError('castore/closed', 'the blob writer is closed');
  }
}
