import type {
  B3Digest,
  BlobService,
  CallOptions,
  IngestEvent,
  IngestEvents,
  TreeEvent,
} from '@tvix/castore';
import type { NarCalculation } from '../nar/calculation.ts';
import { NarDigester } from '../nar/digester.ts';

/** As many digests are looked for at once. */
const QUESTION_DIGESTS = 1024;

/** The store lacks contents that were known to be stored: they must be read again. */
export class ContentsLost extends Error {
  override readonly name = 'ContentsLost';
}

/** Follows a tree on its way into a store: asks the store for what isn't read, and makes the NAR of what is. */
export class ImportPass {
  readonly #blobs: Pick<BlobService, 'findMissing'>;
  readonly #options: CallOptions;
  #digester: NarDigester | undefined = new NarDigester();
  #asked: B3Digest[] = [];

  constructor(
    blobs: Pick<BlobService, 'findMissing'>,
    options: CallOptions = {},
  ) {
    this.#blobs = blobs;
    this.#options = options;
  }

  /**
   * The same batches; it ends when all contents that they don't tell are found in the store.
   *
   * @throws ContentsLost; StoreError `store/no-nar-form`
   */
  async *follow(batches: IngestEvents): AsyncGenerator<readonly IngestEvent[]> {
    for await (const events of batches) {
      for (const event of events)
        if (event.type === 'stored') this.#asked.push(event.digest);
      // A NAR can't be made from a part of the contents.
      if (this.#asked.length > 0) this.#digester = undefined;
      this.#digester?.write(events as readonly TreeEvent[]);
      if (this.#asked.length >= QUESTION_DIGESTS) await this.#ask();
      yield events;
    }
    await this.#ask();
  }

  /** The NAR of the tree, if all of it was read. */
  finish(): NarCalculation | undefined {
    return this.#digester?.finish();
  }

  async #ask(): Promise<void> {
    const asked = this.#asked;
    if (asked.length === 0) return;
    this.#asked = [];
    const missing = await this.#blobs.findMissing(asked, this.#options);
    if (missing.length > 0)
      throw new ContentsLost(`${missing.length} files are no longer stored`);
  }
}
