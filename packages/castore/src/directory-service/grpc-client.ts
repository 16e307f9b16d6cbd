import type { Channel } from '@grpc/grpc-js';
import { Status, createClient } from 'nice-grpc';
import type { CallOptions } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { DigestSet } from '../digest/digest-map.ts';
import { CastoreError } from '../errors.ts';
import { FastDirectoryServiceDefinition } from '../grpc/service-definitions.ts';
import { isStatus, statusToFailure } from '../grpc/status.ts';
import { Directory } from '../node/directory.ts';
import type {
  DirectoryCapabilities,
  DirectoryPutter,
  DirectoryService,
} from './directory-service.ts';
import { GrpcDirectoryPutter } from './grpc-putter.ts';
import type { DirectoryServiceClient } from './grpc-putter.ts';

/** Directories of a server of `tvix.castore.v1.DirectoryService`. What it sends is checked against the digests. */
export class GrpcDirectoryService implements DirectoryService {
  readonly capabilities: DirectoryCapabilities = { ordered: true };
  readonly #client: DirectoryServiceClient;

  /** @param channel stays its owner's to close */
  constructor(channel: Channel) {
    this.#client = createClient(FastDirectoryServiceDefinition, channel);
  }

  async get(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<Directory | undefined> {
    let found: Directory | undefined;
    try {
      // To the end of the stream: leaving it early would reset it, and servers drop a connection that resets many.
      for await (const directory of this.#receive(digest, false, options)) {
        if (found !== undefined) throw unexpected(directory.digest);
        found = directory;
      }
    } catch (error) {
      if (isStatus(error, Status.NOT_FOUND)) return undefined;
      throw statusToFailure(error, options?.signal);
    }
    if (found === undefined) {
      throw new CastoreError(
        'castore/protocol',
        `remote: neither directory ${digest.toString()} nor a failure came`,
        { details: { digest } },
      );
    }
    if (!found.digest.equals(digest)) {
      throw new CastoreError(
        'castore/corrupt-directory',
        `remote: directory ${digest.toString()} has the digest ${found.digest.toString()}`,
        { details: { digest, found: found.digest } },
      );
    }
    return found;
  }

  async *getRecursive(
    digest: B3Digest,
    options?: CallOptions,
  ): AsyncGenerator<Directory, void> {
    const received = new DigestSet();
    // In the order of the walk, so that the first is what the server must send next.
    const expected = new DigestSet([digest]);
    try {
      for await (const directory of this.#receive(digest, true, options)) {
        if (!expected.delete(directory.digest))
          throw unexpected(directory.digest);
        received.add(directory.digest);
        for (const child of directory.directories())
          if (!received.has(child.digest)) expected.add(child.digest);
        yield directory;
      }
    } catch (error) {
      await this.#assertNextExists(expected, error, options);
      throw statusToFailure(error, options?.signal);
    }
    for (const outstanding of expected) throw withheld(outstanding);
  }

  async put(directory: Directory, options?: CallOptions): Promise<B3Digest> {
    const putter = this.putMultipleStart(options);
    await putter.put(directory);
    return await putter.close();
  }

  putMultipleStart(options?: CallOptions): DirectoryPutter {
    return new GrpcDirectoryPutter(this.#client, options);
  }

  async *#receive(
    digest: B3Digest,
    recursive: boolean,
    options: CallOptions | undefined,
  ): AsyncGenerator<Directory, void> {
    options?.signal?.throwIfAborted();
    const messages = this.#client.get(
      { byWhat: { $case: 'digest', value: digest.bytes }, recursive },
      options?.signal === undefined ? {} : { signal: options.signal },
    );
    for await (const { encoded } of messages) yield decodeReceived(encoded);
  }

  /**
   * A server answers INTERNAL to whatever stops it in a tree. Whether that is a directory that it doesn't have is found
   * out by asking for the one that should have come next.
   *
   * @throws CastoreError `castore/directory-not-found`
   */
  async #assertNextExists(
    expected: DigestSet,
    cause: unknown,
    options: CallOptions | undefined,
  ): Promise<void> {
    if (!isStatus(cause, Status.INTERNAL) && !isStatus(cause, Status.NOT_FOUND))
      return;
    for (const next of expected) {
      if ((await this.get(next, options)) !== undefined) return;
      throw new CastoreError(
        'castore/directory-not-found',
        `directory ${next.toString()} is not in the store`,
        { cause, details: { digest: next } },
      );
    }
  }
}

function decodeReceived(encoded: Uint8Array): Directory {
  try {
    return Directory.decode(encoded);
  } catch (cause) {
    throw new CastoreError(
      'castore/corrupt-directory',
      'remote: the server sent an invalid directory',
      { cause },
    );
  }
}

function unexpected(digest: B3Digest): CastoreError {
  return new CastoreError(
    'castore/protocol',
    `remote: the server sent directory ${digest.toString()}, which nothing refers to or which it sent before`,
    { details: { digest } },
  );
}

function withheld(digest: B3Digest): CastoreError {
  return new CastoreError(
    'castore/protocol',
    `remote: the server ended the tree without directory ${digest.toString()}`,
    { details: { digest } },
  );
}
