import type {
  BlobService,
  BlobWriter,
  CallOptions,
} from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import type {
  DirectoryPutter,
  DirectoryService,
} from '../directory-service/directory-service.ts';
import { CastoreError } from '../errors.ts';
import type { Node } from '../node/node.ts';
import { symlinkTarget } from '../node/symlink-target.ts';
import { TreeAssembly } from './assembly.ts';
import type { Slot } from './assembly.ts';
import { BlobBatches } from './blob-batches.ts';
import { eachBatch } from './each-batch.ts';
import type { IngestEvent, IngestEvents, RegularFile } from './event.ts';
import { TreeGrammar } from './grammar.ts';
import { stopSignal } from './stop-signal.ts';

/** Where a tree goes. */
export interface IngestServices {
  readonly blobs: Pick<BlobService, 'openWrite' | 'putMany'>;
  readonly directories: Pick<DirectoryService, 'putMultipleStart'>;
}

/** How far a tree has been taken in. */
export interface TreeProgress {
  readonly directories: number;
  readonly files: number;
  readonly symlinks: number;
  /** Bytes of file contents. */
  readonly bytes: number;
}

/** Options of {@link ingestTree}. */
export interface IngestOptions extends CallOptions {
  /**
   * How many batches of small files, of a MiB each, may be on their way. Eight where left out: what makes them durable
   * does so with several at a time. Two are enough where a put answers as soon as there is room for it.
   */
  readonly batchesUnderWay?: number;
  /** Called after each batch of events. */
  readonly onProgress?: (progress: TreeProgress) => void;
  /** Called for each file whose contents were told, when these are stored. */
  readonly onStored?: (file: RegularFile, digest: B3Digest) => void;
}

/** Files up to this length are gathered and stored in batches, longer ones are streamed: most stores cut those. */
const SMALL_FILE_BYTES = 512n * 1024n;

const BATCHES_UNDER_WAY = 8;

/** How many streamed files may be on their way into durable storage while the next ones are read. */
const MAX_CLOSING_WRITERS = 8;

/**
 * Stores a tree and answers with its root node: the one way in for trees, whatever they come from.
 *
 * Blobs go first, then directories, leaves before what refers to them; the root directory's answer is the last. Memory
 * is bounded by a few batches of small files and the directories whose files are on their way; an open directory keeps
 * its entries. Files that are told to be stored are taken at their word. When it asks for the next events, it is done with the bytes of those before. Ends at the first problem, with the source returned and what was open aborted; what was stored before
 * stays stored.
 *
 * @throws CastoreError `castore/malformed-tree`, `castore/wrong-size`, `castore/invalid-name`,
 *   `castore/wrong-sorting`, `castore/duplicate-name`, `castore/invalid-symlink-target`, `castore/size-overflow`,
 *   `castore/protocol` where a service answers with another root; and what the source and the services throw
 */
export async function ingestTree(
  events: IngestEvents,
  services: IngestServices,
  options: IngestOptions = {},
): Promise<Node> {
  const ingestion = new Ingestion(services, options);
  try {
    await eachBatch(events, (batch) => ingestion.take(batch), ingestion.signal);
    return await ingestion.finish();
  } catch (error) {
    await ingestion.abort(error);
    throw error;
  }
}

/** A file that becomes a node once its digest is known. */
interface NewFile {
  readonly slot: Slot;
  readonly file: RegularFile;
}

/** A large file whose contents are coming. */
interface OpenFile extends NewFile {
  /** Takes the contents of a large file; those of small ones go to the batches. */
  readonly writer: BlobWriter;
}

class Ingestion {
  readonly signal: AbortSignal;
  readonly #services: IngestServices;
  readonly #onProgress: IngestOptions['onProgress'];
  readonly #onStored: IngestOptions['onStored'];
  readonly #stop = new AbortController();
  readonly #grammar = new TreeGrammar();
  readonly #assembly = new TreeAssembly();
  readonly #batches: BlobBatches<NewFile>;
  readonly #closing = new Set<Promise<void>>();
  readonly #progress = { directories: 0, files: 0, symlinks: 0, bytes: 0 };
  #file: OpenFile | undefined;
  #putter: DirectoryPutter | undefined;

  constructor(services: IngestServices, options: IngestOptions) {
    const {
      signal,
      onProgress,
      onStored,
      batchesUnderWay = BATCHES_UNDER_WAY,
    } = options;
    this.#services = services;
    this.#onProgress = onProgress;
    this.#onStored = onStored;
    this.signal = stopSignal(this.#stop, signal);
    this.#batches = new BlobBatches(services.blobs, {
      underWay: batchesUnderWay,
      signal: this.signal,
      onStored: (file, digest) => this.#stored(file, digest),
      onFailure: (error) => this.#stop.abort(error),
    });
  }

  async take(batch: readonly IngestEvent[]): Promise<void> {
    for (const event of batch) {
      this.#grammar.accept(event);
      let busy: Promise<void> | undefined;
      switch (event.type) {
        case 'directory':
          this.#progress.directories++;
          this.#assembly.directory();
          break;
        case 'entry':
          this.#assembly.entry(event.name);
          break;
        case 'end':
          this.#assembly.end();
          break;
        case 'symlink': {
          this.#progress.symlinks++;
          const target = symlinkTarget(new Uint8Array(event.target));
          this.#assembly.fill(this.#assembly.slot(), {
            type: 'symlink',
            target,
          });
          break;
        }
        case 'regular':
          this.#progress.files++;
          busy = this.#open(event);
          break;
        case 'stored': {
          this.#progress.files++;
          const { digest, size, executable } = event;
          this.#assembly.fill(this.#assembly.slot(), {
            type: 'file',
            digest,
            size,
            executable,
          });
          break;
        }
        case 'data':
          busy = event.bytes.length > 0 ? this.#data(event.bytes) : undefined;
      }
      // Most events have nothing to wait for, and a promise for each would be felt.
      if (busy !== undefined) await busy;
    }
    await this.#putDirectories();
    this.#onProgress?.({ ...this.#progress });
  }

  async finish(): Promise<Node> {
    this.#grammar.finish();
    await this.#batches.finish();
    await Promise.all(this.#closing);
    await this.#putDirectories();
    const root = this.#assembly.root!;
    if (root.type === 'directory')
      assertSameRoot(await this.#putter!.close(), root.digest);
    return root;
  }

  async abort(reason: unknown): Promise<void> {
    this.#stop.abort(reason);
    await Promise.allSettled([
      this.#file?.writer.abort(reason),
      this.#putter?.abort(reason),
    ]);
  }

  /** A promise only where there is something to wait for, which is seldom. */
  #open(file: RegularFile): Promise<void> | undefined {
    const slot = this.#assembly.slot();
    if (file.size <= SMALL_FILE_BYTES)
      return this.#batches.begin(Number(file.size), { slot, file });
    const { signal } = this;
    const writer = this.#services.blobs.openWrite({ signal });
    this.#file = { slot, file, writer };
    return undefined;
  }

  #data(bytes: Uint8Array): Promise<void> | undefined {
    this.#progress.bytes += bytes.length;
    if (this.#file !== undefined) return this.#write(this.#file, bytes);
    this.#batches.append(bytes);
    return undefined;
  }

  async #write(file: OpenFile, bytes: Uint8Array): Promise<void> {
    const { writer } = file;
    await writer.write(bytes);
    if (this.#grammar.contentsLeft > 0n) return;
    this.#file = undefined;
    const closing = writer.close().then((digest) => {
      this.#stored(file, digest);
      this.#closing.delete(closing);
    });
    this.#closing.add(closing);
    closing.catch((error: unknown) => this.#stop.abort(error));
    if (this.#closing.size >= MAX_CLOSING_WRITERS)
      await Promise.race(this.#closing);
  }

  #stored({ slot, file }: NewFile, digest: B3Digest): void {
    this.#onStored?.(file, digest);
    const { size, executable } = file;
    this.#assembly.fill(slot, { type: 'file', digest, size, executable });
  }

  async #putDirectories(): Promise<void> {
    for (const directory of this.#assembly.takeReady()) {
      const { signal } = this;
      this.#putter ??= this.#services.directories.putMultipleStart({ signal });
      await this.#putter.put(directory);
    }
  }
}

function assertSameRoot(answered: B3Digest, root: B3Digest): void {
  if (answered.equals(root)) return;
  throw new CastoreError(
    'castore/protocol',
    `the root directory is ${root.toString()}, but was stored as ${answered.toString()}`,
    { details: { expected: root, found: answered } },
  );
}
