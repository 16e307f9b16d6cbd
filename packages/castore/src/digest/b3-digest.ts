import { CastoreError } from '../errors.ts';
import { compareBytes } from './bytes.ts';

/**
 * A BLAKE3-256 digest: a value that can't hold anything but 32 bytes.
 *
 * Not usable as a `Map` key by itself (objects compare by identity): use {@link B3Digest.key}, `DigestMap` or `DigestSet`.
 */
export class B3Digest {
  /** The length of a digest in bytes. */
  static readonly LENGTH = 32;

  /** The 32 bytes. Not to be changed: the digest doesn't keep a copy of its own. */
  readonly bytes: Uint8Array;
  #key: string | undefined;

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /**
   * Wraps 32 bytes, which the digest keeps: hand over bytes that nobody changes afterwards.
   *
   * @throws CastoreError `castore/invalid-digest-length`
   */
  static fromBytes(bytes: Uint8Array): B3Digest {
    if (bytes.length !== B3Digest.LENGTH) {
      throw new CastoreError(
        'castore/invalid-digest-length',
        `a digest is ${B3Digest.LENGTH} bytes long, found ${bytes.length}`,
        { details: { length: bytes.length } },
      );
    }
    return new B3Digest(bytes);
  }

  /**
   * Reads the text forms: 64 hex digits, or base64 of the 32 bytes, each with or without the prefix `b3:`.
   *
   * @throws CastoreError `castore/invalid-digest-length`
   */
  static parse(text: string): B3Digest {
    const body = text.startsWith('b3:') ? text.slice(3) : text;
    const bytes = /^[0-9a-f]{64}$/i.test(body)
      ? Buffer.from(body, 'hex')
      : /^[A-Za-z0-9+/]{43}=?$/.test(body)
        ? Buffer.from(body, 'base64')
        : undefined;
    if (bytes === undefined) {
      throw new CastoreError(
        'castore/invalid-digest-length',
        `not a digest (64 hex digits or base64 of 32 bytes): ${JSON.stringify(text)}`,
      );
    }
    return B3Digest.fromBytes(new Uint8Array(bytes));
  }

  /** 32 characters, one a byte: equal for equal digests, for use as a key in maps and sets. */
  get key(): string {
    return (this.#key ??= latin1(this.bytes));
  }

  /** Whether both are the same digest. */
  equals(other: B3Digest): boolean {
    return compareBytes(this.bytes, other.bytes) === 0;
  }

  /** 64 lower-case hex digits. */
  toHex(): string {
    return Buffer.from(
      this.bytes.buffer,
      this.bytes.byteOffset,
      this.bytes.length,
    ).toString('hex');
  }

  /** `b3:` and the base64 of the bytes, as messages and logs print it. */
  toString(): string {
    return `b3:${Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length).toString('base64')}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(
    'latin1',
  );
}
