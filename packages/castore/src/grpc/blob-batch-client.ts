import type { Channel } from '@grpc/grpc-js';
import { createClient } from 'nice-grpc';
import type { Client } from 'nice-grpc';
import type { BatchBytes } from '../blob-service/batch-bytes.ts';
import type { CallOptions } from '../blob-service/blob-service.ts';
import { yieldToLoop } from '../blob-service/time-slice.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { hashBytes } from '../digest/hasher.ts';
import { CastoreError } from '../errors.ts';
import {
  BATCH_BLOBS,
  BATCH_BYTES,
  FastBlobBatchServiceDefinition,
} from './batch-codecs.ts';
import { joinDigests } from './joined-digests.ts';
import { mapConcurrently } from './map-concurrently.ts';
import { receivedDigests } from './received-digests.ts';

/** How many messages are under way at once: one is sent while another is stored. */
const MESSAGES_IN_FLIGHT = 3;

/** How many digests one question carries. */
const QUESTION_DIGESTS = 1024;

/**
 * Calls `tvix.castore.batch.v1.BlobBatchService`. Failures of calls come out as nice-grpc has them: UNIMPLEMENTED where
 * the server doesn't offer it.
 */
export class BlobBatchClient {
  readonly #client: Client<typeof FastBlobBatchServiceDefinition>;

  constructor(channel: Channel) {
    this.#client = createClient(FastBlobBatchServiceDefinition, channel);
  }

  /** Whether a blob is short enough for a batch. */
  static takes(this: void, blob: Uint8Array): boolean {
    return blob.length <= BATCH_BYTES;
  }

  /** Those of distinct digests that aren't stored, in their order. */
  async findMissing(
    digests: readonly B3Digest[],
    options: CallOptions,
  ): Promise<B3Digest[]> {
    const answers = await mapConcurrently(
      split(digests, () => 0, QUESTION_DIGESTS),
      MESSAGES_IN_FLIGHT,
      async (some) => {
        const request = { digests: joinDigests(some) };
        const response = await this.#client.findMissing(request, options);
        return receivedDigests(response.digests);
      },
    );
    return answers.flat();
  }

  /**
   * Stores blobs that {@link BlobBatchClient.takes} all of.
   *
   * @throws CastoreError `castore/corrupt-blob` where the server says that it stored something else
   */
  async put(
    blobs: readonly Uint8Array[],
    options: CallOptions,
  ): Promise<B3Digest[]> {
    const answers = await mapConcurrently(
      split(blobs, (blob) => blob.length, BATCH_BLOBS),
      MESSAGES_IN_FLIGHT,
      async (some) => {
        const call = this.#client.put({ blobs: some }, options);
        // Hashed while the server does the same; it is looked at right below.
        call.catch(() => undefined);
        await yieldToLoop();
        const sent = some.map(hashBytes);
        const stored = receivedDigests((await call).digests);
        assertCount(stored, some);
        sent.forEach((digest, index) => assertSame(digest, stored[index]!));
        return stored;
      },
    );
    return answers.flat();
  }

  /**
   * Fetches blobs whole, each a view into the message it came in; `undefined` for what isn't stored and `'too-large'`
   * for what must be read by itself.
   *
   * @throws CastoreError `castore/corrupt-blob`, `castore/limit-exceeded`
   */
  async get(
    digests: readonly B3Digest[],
    total: BatchBytes,
    options: CallOptions,
  ): Promise<(Uint8Array | 'too-large' | undefined)[]> {
    const answers = await mapConcurrently(
      split(digests, () => 0, QUESTION_DIGESTS),
      MESSAGES_IN_FLIGHT,
      (some) => this.#getSome(some, total, options),
    );
    return answers.flat();
  }

  async #getSome(
    digests: readonly B3Digest[],
    total: BatchBytes,
    options: CallOptions,
  ): Promise<(Uint8Array | 'too-large' | undefined)[]> {
    const blobs: (Uint8Array | 'too-large' | undefined)[] = [];
    const request = { digests: joinDigests(digests) };
    for await (const { entries } of this.#client.get(request, options)) {
      for (const { content } of entries) {
        const digest = digests[blobs.length];
        if (digest === undefined) throw miscounted('more', digests);
        if (content?.$case === 'data') {
          total.add(content.value.length);
          assertSame(hashBytes(content.value), digest);
        }
        blobs.push(
          content?.$case === 'tooLarge' ? 'too-large' : content?.value,
        );
      }
    }
    assertCount(blobs, digests);
    return blobs;
  }
}

/** Cuts a list into messages by bytes and number. */
function split<T>(
  items: readonly T[],
  bytesOf: (item: T) => number,
  limit: number,
): T[][] {
  const messages: T[][] = [];
  let bytes = 0;
  for (const item of items) {
    const length = bytesOf(item);
    const last = messages.at(-1);
    bytes += length;
    if (last === undefined || last.length >= limit || bytes > BATCH_BYTES) {
      messages.push([item]);
      bytes = length;
    } else {
      last.push(item);
    }
  }
  return messages;
}

function assertCount(
  answers: readonly unknown[],
  questions: readonly unknown[],
): void {
  if (answers.length !== questions.length)
    throw miscounted(answers.length, questions);
}

function miscounted(
  answers: number | 'more',
  questions: readonly unknown[],
): CastoreError {
  return new CastoreError(
    'castore/protocol',
    `remote: ${answers} answers to ${questions.length} blobs of a batch`,
  );
}

function assertSame(found: B3Digest, digest: B3Digest): void {
  if (!found.equals(digest)) {
    throw new CastoreError(
      'castore/corrupt-blob',
      `remote: a blob with the digest ${found.toString()} goes as ${digest.toString()}`,
      { details: { digest, found } },
    );
  }
}
