import type {
  BlobReader,
  BlobService,
  CallOptions,
} from '../blob-service/blob-service.ts';
import { CastoreError } from '../errors.ts';
import { quoteBytes } from '../path/path-component.ts';
import type { StoredFile, TreeEvent } from './event.ts';

/** Files up to this length are fetched many at a time. */
const SMALL_FILE_BYTES = 128n * 1024n;
/** What a segment holds at most; two are held at a time. Four times as much was no faster. */
const MAX_SMALL_BYTES = 1024n * 1024n;
const MAX_SMALL_FILES = 1000;
const MAX_EVENTS = 4096;

/** A file, with the name by which an error can point at it. */
interface NamedFile {
  readonly node: StoredFile;
  readonly name: Uint8Array | undefined;
}

interface SmallFile extends NamedFile {
  /** The place among the events that its contents take. */
  readonly at: number;
}

/**
 * A part of a tree: events, the small files among them that are fetched at one go, and perhaps one large file whose
 * contents follow. It is planned first, then loaded, then told, so that one is loaded while another is told.
 */
export class Segment {
  readonly #blobs: Pick<BlobService, 'getMany' | 'openRead'>;
  readonly #options: CallOptions;
  readonly #events: TreeEvent[] = [];
  readonly #small: SmallFile[] = [];
  #smallBytes = 0n;
  #large: NamedFile | undefined;
  #contents: Promise<readonly (Uint8Array | undefined)[]> | undefined;
  #reader: Promise<BlobReader | undefined> | undefined;

  constructor(
    blobs: Pick<BlobService, 'getMany' | 'openRead'>,
    options: CallOptions,
  ) {
    this.#blobs = blobs;
    this.#options = options;
  }

  /** Whether the tree must go on in another segment. */
  get isFull(): boolean {
    return (
      this.#large !== undefined ||
      this.#events.length >= MAX_EVENTS ||
      this.#small.length >= MAX_SMALL_FILES ||
      this.#smallBytes > MAX_SMALL_BYTES - SMALL_FILE_BYTES
    );
  }

  push(event: TreeEvent): void {
    this.#events.push(event);
  }

  /** Adds a file with its contents. */
  pushFile(node: StoredFile, name: Uint8Array | undefined): void {
    const { size, executable } = node;
    this.#events.push({ type: 'regular', executable, size });
    if (size > SMALL_FILE_BYTES) {
      this.#large = { node, name };
      return;
    }
    this.#small.push({ node, name, at: this.#events.length });
    this.#events.push({ type: 'data', bytes: NO_BYTES });
    this.#smallBytes += size;
  }

  /** Starts to fetch the contents. */
  load(): void {
    if (this.#small.length > 0) {
      this.#contents = this.#blobs
        .getMany(
          this.#small.map(({ node }) => node.digest),
          { ...this.#options, maxBytes: Number(this.#smallBytes) },
        )
        .catch((error: unknown) => this.#findLonger(error));
      // Whoever tells the segment gets the failure; until then nobody listens.
      this.#contents.catch(() => {});
    }
    if (this.#large !== undefined) {
      this.#reader = this.#blobs.openRead(
        this.#large.node.digest,
        this.#options,
      );
      this.#reader.catch(() => {});
    }
  }

  /**
   * The events with the contents in their places.
   *
   * @throws CastoreError `castore/blob-not-found`, `castore/wrong-size`
   */
  async *tell(): AsyncGenerator<readonly TreeEvent[], void, undefined> {
    const contents = (await this.#contents) ?? [];
    for (const [i, file] of this.#small.entries()) {
      const bytes = contents[i] ?? missing(file);
      if (BigInt(bytes.length) !== file.node.size)
        throw wrongSize(file, BigInt(bytes.length));
      this.#events[file.at] = { type: 'data', bytes };
    }
    yield this.#events;
    if (this.#large !== undefined) yield* this.#tellLarge(this.#large);
  }

  /** Frees what it holds. */
  async release(): Promise<void> {
    const reader = await this.#reader?.catch(() => undefined);
    await reader?.close();
  }

  /** Something is longer than its node says: tells what. */
  async #findLonger(error: unknown): Promise<never> {
    if (
      error instanceof CastoreError &&
      error.code === 'castore/limit-exceeded'
    )
      for (const { node, name } of this.#small) {
        const alone = new Segment(this.#blobs, this.#options);
        alone.#large = { node, name };
        alone.load();
        try {
          for await (const events of alone.tell()) void events;
        } finally {
          await alone.release();
        }
      }
    throw error;
  }

  async *#tellLarge(
    file: NamedFile,
  ): AsyncGenerator<readonly TreeEvent[], void, undefined> {
    const reader = (await this.#reader) ?? missing(file);
    const { size } = file.node;
    // Where the length is known, a wrong one shows before the first byte instead of behind the last.
    if (reader.size !== undefined && BigInt(reader.size) !== size)
      throw wrongSize(file, BigInt(reader.size));
    let length = 0n;
    for await (const bytes of reader.read(undefined, this.#options)) {
      length += BigInt(bytes.length);
      if (length > size) throw wrongSize(file, length);
      yield [{ type: 'data', bytes }];
    }
    if (length < size) throw wrongSize(file, length);
    await reader.close();
  }
}

const NO_BYTES = new Uint8Array(0);

function missing({ node, name }: NamedFile): never {
  const { digest } = node;
  throw new CastoreError(
    'castore/blob-not-found',
    `blob ${digest.toString()}${ofFile(name)} is not in the store`,
    { details: { digest, name } },
  );
}

function wrongSize({ node, name }: NamedFile, found: bigint): CastoreError {
  const { digest, size } = node;
  const order = found > size ? 'longer' : 'shorter';
  return new CastoreError(
    'castore/wrong-size',
    `blob ${digest.toString()}${ofFile(name)} is ${order} than its node says: ${size} bytes expected, ${found} found`,
    { details: { digest, name, expected: size, found } },
  );
}

function ofFile(name: Uint8Array | undefined): string {
  return name === undefined ? '' : ` of file ${quoteBytes(name)}`;
}
