import { B3Digest } from '@tvix/castore';
import type { LocalStore, Table } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { StoreError } from '../errors.ts';

/** The table that pins are kept in: names lead to a store path without its directory, or to a digest. */
const TABLE = 'pins';

const MAX_NAME_BYTES = 255;

/** What a pin keeps: a store path with all that it refers to, or a tree or blob without a store path. */
export type PinTarget =
  | { readonly type: 'path'; readonly storePath: StorePath }
  | { readonly type: 'castore'; readonly digest: B3Digest };

/** A name for something that is never collected. */
export interface Pin {
  readonly name: string;
  readonly target: PinTarget;
}

/** The pins of a local store, durable. */
export class Pins {
  readonly #table: Table;

  constructor(store: Pick<LocalStore, 'table'>) {
    this.#table = store.table(TABLE);
  }

  /** Calls back for each pin that is added, before it is there. The function that it answers with ends that. */
  static onAdd(store: LocalStore, hear: (pin: Pin) => void): () => void {
    return store.onTablePut(TABLE, (key, value) => hear(toPin(key, value)));
  }

  /**
   * Pins something under a name, in place of what that name pinned before.
   *
   * @throws StoreError `store/invalid-pin`
   */
  async add({ name, target }: Pin): Promise<void> {
    const text =
      target.type === 'path'
        ? target.storePath.toString()
        : target.digest.toString();
    await this.#table.put(keyOf(name), Buffer.from(text));
  }

  /** Removes a pin. Answers whether there was one. */
  remove(name: string): Promise<boolean> {
    return this.#table.delete(keyOf(name));
  }

  /** All pins, in bytewise order of their names. */
  async *list(): AsyncGenerator<Pin> {
    for await (const [key, value] of this.#table.entries())
      yield toPin(key, value);
  }
}

function toPin(key: Uint8Array, value: Uint8Array): Pin {
  const name = Buffer.from(key).toString();
  return { name, target: parseTarget(Buffer.from(value).toString()) };
}

/**
 * What a text names: a store path, absolute or not, or a digest.
 *
 * @throws StoreError `store/invalid-pin`
 */
export function parsePinTarget(text: string): PinTarget {
  try {
    return parseTarget(text.replace(/^\/nix\/store\//, ''));
  } catch (cause) {
    throw new StoreError(
      'store/invalid-pin',
      `neither a store path nor a digest: ${JSON.stringify(text)}`,
      { cause },
    );
  }
}

function parseTarget(text: string): PinTarget {
  return /^[0-9a-z]{32}-/.test(text)
    ? { type: 'path', storePath: StorePath.parse(text) }
    : { type: 'castore', digest: B3Digest.parse(text) };
}

function keyOf(name: string): Buffer {
  const key = Buffer.from(name);
  // eslint-disable-next-line no-control-regex -- pins are printed a line each
  if (key.length === 0 || key.length > MAX_NAME_BYTES || /[\0-\x1f]/.test(name))
    throw new StoreError(
      'store/invalid-pin',
      `the name of a pin has 1 to ${MAX_NAME_BYTES} bytes and no control characters, found ${JSON.stringify(name)}`,
    );
  return key;
}
