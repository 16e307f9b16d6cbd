import { compareBytes } from '@tvix/castore';
import { outputHashKey } from '../path-info/output-hash.ts';
import type { PathInfo } from '../path-info/path-info.ts';

/** Encoded bytes of what is remembered. Decoded, a path info takes about ten times as much. */
const MAX_BYTES = 1024 * 1024;

interface Decoded {
  readonly value: Uint8Array;
  readonly pathInfo: PathInfo;
}

/**
 * What stored values were decoded to, as many of the latest as it may hold. A path info is found again only for the very
 * bytes that it was decoded from, so that it can't be out of date; whoever keeps something beside it gets the same object.
 */
export class DecodedPathInfos {
  readonly #decoded = new Map<string, Decoded>();
  #bytes = 0;

  /** The path info of a value; `decode` makes it where it isn't remembered. */
  of(
    outputHash: Uint8Array,
    value: Uint8Array,
    decode: (outputHash: Uint8Array, value: Uint8Array) => PathInfo,
  ): PathInfo {
    const key = outputHashKey(outputHash);
    const known = this.#decoded.get(key);
    if (known !== undefined && compareBytes(known.value, value) === 0)
      return known.pathInfo;
    const pathInfo = decode(outputHash, value);
    this.#forget(key);
    this.#decoded.set(key, { value, pathInfo });
    this.#bytes += value.length;
    // A map keeps the order of insertion: the first key is the oldest.
    for (const oldest of this.#decoded.keys()) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#forget(oldest);
    }
    return pathInfo;
  }

  #forget(key: string): void {
    const known = this.#decoded.get(key);
    if (known === undefined) return;
    this.#decoded.delete(key);
    this.#bytes -= known.value.length;
  }
}
