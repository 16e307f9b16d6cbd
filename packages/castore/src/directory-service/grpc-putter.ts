import type { Client } from 'nice-grpc';
import type { CallOptions } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';
import type {
  EncodedDirectory,
  FastDirectoryServiceDefinition,
} from '../grpc/service-definitions.ts';
import { OutgoingStream } from '../grpc/outgoing-stream.ts';
import { receivedDigest } from '../grpc/received-digests.ts';
import { statusToFailure } from '../grpc/status.ts';
import type { Directory } from '../node/directory.ts';
import type { DirectoryPutter } from './directory-service.ts';
import { OrderValidator } from './order-validator.ts';

/** A client of `tvix.castore.v1.DirectoryService`. */
export type DirectoryServiceClient = Client<
  typeof FastDirectoryServiceDefinition
>;

/** How many directories wait for the network. */
const QUEUED_MESSAGES = 64;

/**
 * Sends the directories of a tree through one `Put` stream, which starts with the first of them. The order is checked
 * here too, before a directory leaves, so that a mistake comes out where it was made.
 */
export class GrpcDirectoryPutter implements DirectoryPutter {
  readonly #client: Pick<DirectoryServiceClient, 'put'>;
  readonly #signal: AbortSignal;
  readonly #giveUp = new AbortController();
  readonly #order = new OrderValidator();
  readonly #stream = new OutgoingStream<EncodedDirectory>(QUEUED_MESSAGES);
  #answer: Promise<B3Digest> | undefined;
  #isClosed = false;

  constructor(
    client: Pick<DirectoryServiceClient, 'put'>,
    options?: CallOptions,
  ) {
    this.#client = client;
    this.#signal = AbortSignal.any([
      this.#giveUp.signal,
      ...(options?.signal === undefined ? [] : [options.signal]),
    ]);
  }

  get isClosed(): boolean {
    return this.#isClosed || this.#stream.isAbandoned;
  }

  async put(directory: Directory): Promise<void> {
    this.#assertOpen();
    this.#signal.throwIfAborted();
    try {
      this.#order.accept(directory);
    } catch (error) {
      // As where the server finds it out: this stream comes to nothing.
      await this.abort();
      throw error;
    }
    const answer = (this.#answer ??= this.#start());
    await this.#stream.push({ encoded: directory.encode() });
    if (!this.#stream.isAbandoned) return;
    // The server ended the call: its failure comes out of the answer.
    this.#isClosed = true;
    await answer;
    throw new CastoreError(
      'castore/protocol',
      'remote: the server answered before the end of the directories',
    );
  }

  async close(): Promise<B3Digest> {
    this.#assertOpen();
    const sent = this.#order.finish();
    this.#isClosed = true;
    this.#stream.end();
    const stored = await this.#answer!;
    if (!stored.equals(sent)) {
      throw new CastoreError(
        'castore/protocol',
        `remote: the root directory is ${sent.toString()}, the server says ${stored.toString()}`,
        { details: { digest: sent, found: stored } },
      );
    }
    return stored;
  }

  async abort(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#giveUp.abort();
    this.#stream.abandon();
  }

  #start(): Promise<B3Digest> {
    const answer = this.#call();
    // Awaited by a later put or close; until then nobody listens.
    answer.catch(() => undefined);
    return answer;
  }

  async #call(): Promise<B3Digest> {
    try {
      const { rootDigest } = await this.#client.put(this.#stream, {
        signal: this.#signal,
      });
      return receivedDigest(rootDigest);
    } catch (error) {
      throw statusToFailure(error, this.#signal);
    } finally {
      this.#stream.abandon();
    }
  }

  #assertOpen(): void {
    if (this.#isClosed)
      throw new CastoreError(
        'castore/closed',
        'the directory putter is closed',
      );
  }
}
