import { B3Digest, Directory, pathComponent } from '@tvix/castore';
import type {
  CallOptions,
  ChunkMeta,
  NamedNode,
  Node,
  PathComponent,
} from '@tvix/castore';
import type { MessagePort } from 'node:worker_threads';
import { FsError } from '../errors.ts';
import { fromPlainError } from './plain-error.ts';
import type { FsServices } from './service-host.ts';
import { alone, fromPlainNode } from './service-messages.ts';
import type {
  Answer,
  PlainEntry,
  PlainNode,
  Question,
} from './service-messages.ts';

interface Waiter {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Rest<T> = T extends readonly [id: number, ...rest: infer R] ? R : never;

/** Asks a {@link ServiceHost} in another thread. What is asked in one turn travels in one message. */
export class ServiceClient {
  readonly #port: MessagePort;
  readonly #waiters = new Map<number, Waiter>();
  #questions: Question[] = [];
  #lastId = 0;
  #lastListing = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (answers: readonly Answer[]) => {
      for (const answer of answers) this.#settle(answer);
    });
  }

  /** The services at the other end. */
  services(immutable: boolean): FsServices {
    return {
      rootNodes: {
        immutable,
        get: (name, options) => this.#root(name, options),
        list: () => this.#list(),
      },
      directories: {
        get: (digest, options) => this.#directory(digest, options),
      },
      blobs: {
        getMany: async (digests, options) =>
          (await this.#ask(
            ['blobs', digests.map(({ bytes }) => alone(bytes))],
            options,
          )) as (Uint8Array | undefined)[],
        chunks: (digest, options) => this.#chunks(digest, options),
        range: async (digest, offset, length, options) =>
          (await this.#ask(
            ['range', alone(digest.bytes), offset, length],
            options,
          )) as Uint8Array | undefined,
      },
    };
  }

  async #root(
    name: PathComponent,
    options?: CallOptions,
  ): Promise<Node | undefined> {
    const node = (await this.#ask(['root', alone(name)], options)) as
      PlainNode | undefined;
    return node && fromPlainNode(node);
  }

  async *#list(): AsyncGenerator<NamedNode> {
    const listing = ++this.#lastListing;
    try {
      for (;;) {
        const batch = (await this.#ask(['list', listing])) as PlainEntry[];
        if (batch.length === 0) return;
        for (const { name, node } of batch)
          yield { name: pathComponent(name), node: fromPlainNode(node) };
      }
    } finally {
      await this.#ask(['unlist', listing]);
    }
  }

  async #directory(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<Directory | undefined> {
    const bytes = await this.#ask(['directory', alone(digest.bytes)], options);
    return bytes === undefined
      ? undefined
      : Directory.decode(bytes as Uint8Array);
  }

  async #chunks(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<readonly ChunkMeta[] | undefined> {
    const chunks = (await this.#ask(
      ['chunks', alone(digest.bytes)],
      options,
    )) as [Uint8Array, number][] | undefined;
    return chunks?.map(([bytes, size]) => ({
      digest: B3Digest.fromBytes(bytes),
      size,
    }));
  }

  #ask(question: Rest<Question>, options?: CallOptions): Promise<unknown> {
    const id = ++this.#lastId;
    const abort = (): void => this.#send([id, 'abort']);
    const signal = options?.signal;
    signal?.addEventListener('abort', abort, { once: true });
    const answer = new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject });
      this.#send([id, ...question] as Question);
    });
    return signal === undefined
      ? answer
      : answer.finally(() => signal.removeEventListener('abort', abort));
  }

  #send(question: Question): void {
    if (this.#questions.length === 0) {
      queueMicrotask(() => {
        this.#port.postMessage(this.#questions);
        this.#questions = [];
      });
    }
    this.#questions.push(question);
  }

  #settle([id, value, failure]: Answer): void {
    const waiter = this.#waiters.get(id);
    this.#waiters.delete(id);
    if (failure === undefined) waiter?.resolve(value);
    else {
      const cause = fromPlainError(failure);
      waiter?.reject(new FsError('EIO', failure.message, { cause }));
    }
  }
}
