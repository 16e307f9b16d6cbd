import { B3Digest, pathComponent } from '@tvix/castore';
import type { DirectoryLookup, NamedNode } from '@tvix/castore';
import type { MessagePort } from 'node:worker_threads';
import type { BlobSource } from '../blob-source.ts';
import type { RootNodes } from '../root-nodes.ts';
import { toPlainError } from './plain-error.ts';
import { alone, toPlainNode } from './service-messages.ts';
import type { Answer, PlainEntry, Question } from './service-messages.ts';

/** What a file system is made of. */
export interface FsServices {
  readonly rootNodes: RootNodes;
  readonly directories: DirectoryLookup;
  readonly blobs: BlobSource;
}

/** Names that one answer to `list` carries. */
const LIST_BATCH = 256;

/** Answers the questions that come through a port from the thread that serves the kernel. */
export class ServiceHost {
  readonly #port: MessagePort;
  readonly #services: FsServices;
  readonly #asked = new Map<number, AbortController>();
  readonly #listings = new Map<number, AsyncIterator<NamedNode>>();
  #answers: Answer[] = [];
  #transfers = new Set<ArrayBuffer>();

  constructor(port: MessagePort, services: FsServices) {
    this.#port = port;
    this.#services = services;
    port.on('message', (questions: readonly Question[]) => {
      for (const question of questions) void this.#answer(question);
    });
  }

  /** Stops answering. */
  close(): void {
    this.#port.close();
    for (const controller of this.#asked.values()) controller.abort();
    for (const listing of this.#listings.values()) void listing.return?.();
  }

  async #answer(question: Question): Promise<void> {
    const [id, op] = question;
    if (op === 'abort') return this.#asked.get(id)?.abort();
    const controller = new AbortController();
    this.#asked.set(id, controller);
    try {
      const value = await this.#ask(question, controller.signal);
      this.#send([id, value], memoryOf(value));
    } catch (error) {
      this.#send([id, undefined, toPlainError(error)]);
    } finally {
      this.#asked.delete(id);
    }
  }

  async #ask(question: Question, signal: AbortSignal): Promise<unknown> {
    const { rootNodes, directories, blobs } = this.#services;
    switch (question[1]) {
      case 'root': {
        const node = await rootNodes.get(pathComponent(question[2]), {
          signal,
        });
        return node && toPlainNode(node);
      }
      case 'list':
        return this.#list(question[2]);
      case 'unlist':
        await this.#listings.get(question[2])?.return?.();
        return void this.#listings.delete(question[2]);
      case 'directory': {
        const digest = B3Digest.fromBytes(question[2]);
        const bytes = (await directories.get(digest, { signal }))?.encode();
        return bytes && movable(bytes);
      }
      case 'blobs': {
        const digests = question[2].map((bytes) => B3Digest.fromBytes(bytes));
        const contents = await blobs.getMany(digests, { signal });
        return contents.map((bytes) => bytes && movable(bytes));
      }
      case 'chunks': {
        const digest = B3Digest.fromBytes(question[2]);
        const chunks = await blobs.chunks(digest, { signal });
        return chunks?.map((chunk) => [alone(chunk.digest.bytes), chunk.size]);
      }
      case 'range': {
        const digest = B3Digest.fromBytes(question[2]);
        const [, , , offset, length] = question;
        const bytes = await blobs.range(digest, offset, length, { signal });
        return bytes && movable(bytes);
      }
      case 'abort':
        return undefined;
    }
  }

  async #list(id: number): Promise<PlainEntry[]> {
    let listing = this.#listings.get(id);
    if (listing === undefined) {
      listing = this.#services.rootNodes.list()[Symbol.asyncIterator]();
      this.#listings.set(id, listing);
    }
    const batch: PlainEntry[] = [];
    while (batch.length < LIST_BATCH) {
      const next = await listing.next();
      if (next.done === true) break;
      const { name, node } = next.value;
      batch.push({ name: alone(name), node: toPlainNode(node) });
    }
    return batch;
  }

  #send(answer: Answer, transfers: readonly ArrayBuffer[] = []): void {
    if (this.#answers.length === 0) queueMicrotask(() => this.#flush());
    this.#answers.push(answer);
    for (const memory of transfers) this.#transfers.add(memory);
  }

  #flush(): void {
    this.#port.postMessage(this.#answers, [...this.#transfers]);
    this.#answers = [];
    this.#transfers.clear();
  }
}

/** Bytes that have their memory for themselves, so that they can go to the other thread without another copy. */
function movable(bytes: Uint8Array): Uint8Array {
  const { buffer, byteLength } = bytes;
  return byteLength === buffer.byteLength && !Buffer.isBuffer(bytes)
    ? bytes
    : alone(bytes);
}

/** The memory of the bytes in an answer, all of which are {@link movable} or small copies. */
function memoryOf(value: unknown): ArrayBuffer[] {
  const parts = Array.isArray(value) ? value : [value];
  return parts
    .filter((part): part is Uint8Array => part instanceof Uint8Array)
    .map(({ buffer }) => buffer as ArrayBuffer);
}
