import { Status } from 'nice-grpc';
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import { B3Digest } from '../digest/b3-digest.ts';
import type { DirectoryService } from '../directory-service/directory-service.ts';
import { OrderValidator } from '../directory-service/order-validator.ts';
import { CastoreError } from '../errors.ts';
import { Directory } from '../node/directory.ts';
import type {
  GetDirectoryRequest,
  PutDirectoryResponse,
} from '../proto/index.ts';
import type {
  EncodedDirectory,
  FastDirectoryServiceDefinition,
} from './service-definitions.ts';
import { failureToStatus, notFound } from './status.ts';
import type { FailureOptions, ServerHooks } from './status.ts';

/** `tvix.castore.v1.DirectoryService` over any directory service: add it under {@link FastDirectoryServiceDefinition}. */
export class DirectoryServiceServer implements ServiceImplementation<
  typeof FastDirectoryServiceDefinition
> {
  readonly #directories: DirectoryService;
  readonly #hooks: ServerHooks;

  constructor(directories: DirectoryService, hooks: ServerHooks = {}) {
    this.#directories = directories;
    this.#hooks = hooks;
  }

  async *get(
    request: GetDirectoryRequest,
    { signal }: CallContext,
  ): AsyncGenerator<EncodedDirectory, void> {
    let always: FailureOptions['always'];
    try {
      const digest = requestedDigest(request);
      if (request.recursive) {
        always = Status.INTERNAL;
        const tree = this.#directories.getRecursive(digest, { signal });
        for await (const directory of tree)
          yield { encoded: directory.encode() };
      } else {
        const directory = await this.#directories.get(digest, { signal });
        if (directory === undefined)
          throw notFound(`directory ${digest.toString()} not found`);
        yield { encoded: directory.encode() };
      }
    } catch (error) {
      throw this.#toStatus(error, 'Get', always);
    }
  }

  async put(
    request: AsyncIterable<EncodedDirectory>,
    { signal }: CallContext,
  ): Promise<PutDirectoryResponse> {
    try {
      const order = new OrderValidator();
      const putter = this.#directories.putMultipleStart({ signal });
      try {
        for await (const { encoded } of request) {
          let directory;
          try {
            directory = Directory.decode(encoded);
            order.accept(directory);
          } catch (error) {
            // What was accepted before a message that breaks a rule stays stored.
            if (order.last !== undefined) await putter.close();
            throw error;
          }
          await putter.put(directory);
        }
        // A client that vanishes ends the stream as one that is done does; only the signal tells them apart.
        signal.throwIfAborted();
        const root = order.finish();
        await putter.close();
        return { rootDigest: root.bytes };
      } catch (error) {
        await putter.abort(error);
        throw error;
      }
    } catch (error) {
      throw this.#toStatus(error, 'Put');
    }
  }

  #toStatus(
    error: unknown,
    name: string,
    always?: FailureOptions['always'],
  ): Error {
    const method = `tvix.castore.v1.DirectoryService/${name}`;
    return failureToStatus(error, {
      ...this.#hooks,
      method,
      ...(always === undefined ? {} : { always }),
    });
  }
}

function requestedDigest({ byWhat }: GetDirectoryRequest): B3Digest {
  if (byWhat?.$case !== 'digest') {
    throw new CastoreError(
      'castore/invalid-digest-length',
      'the request names no digest',
    );
  }
  return B3Digest.fromBytes(byWhat.value);
}
