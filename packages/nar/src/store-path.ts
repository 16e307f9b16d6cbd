import { NarError } from './errors.ts';
import { decodeNixBase32, encodeNixBase32 } from './nixbase32.ts';

/** The directory that all store paths lie in. */
export const STORE_DIR = '/nix/store';

const STORE_DIR_PREFIX = `${STORE_DIR}/`;
const DIGEST_BYTES = 20;
const DIGEST_CHARACTERS = 32;
const MAX_NAME_LENGTH = 211;
const INVALID_NAME_CHARACTER = /[^0-9A-Za-z+\-_?=.]/;

/**
 * A store path: a digest of 20 bytes and a name of 1 to 211 characters of `0-9 A-Z a-z + - _ ? = .` that does not start
 * with a dot. Its basename is the digest in nixbase32, a dash, and the name.
 *
 * Everything that makes one throws NarError `nar/invalid-store-path` with a reason in its details: `InvalidLength`,
 * `InvalidHashEncoding`, `MissingDash`, `InvalidName` (with the position in the name) or `MissingStoreDir`.
 */
export class StorePath {
  /** 20 bytes; not to be modified. */
  readonly digest: Uint8Array;
  readonly name: string;

  private constructor(digest: Uint8Array, name: string) {
    this.digest = digest;
    this.name = name;
  }

  /** Reads a basename, given as text or as bytes. */
  static parse(basename: string | Uint8Array): StorePath {
    const text =
      typeof basename === 'string' ? basename : oneCharacterAByte(basename);
    if (text.length < DIGEST_CHARACTERS + 2)
      throw invalid('InvalidLength', `store path is too short: ${text}`);
    const digest = decodeDigest(text.slice(0, DIGEST_CHARACTERS));
    if (text[DIGEST_CHARACTERS] !== '-')
      throw invalid('MissingDash', `no dash after the digest of ${text}`);
    const name = text.slice(DIGEST_CHARACTERS + 1);
    assertName(name);
    return new StorePath(digest, name);
  }

  /** Joins a name and a digest of 20 bytes. */
  static fromNameAndDigest(name: string, digest: Uint8Array): StorePath {
    assertName(name);
    if (digest.length !== DIGEST_BYTES) {
      throw invalid(
        'InvalidLength',
        `store path digest has ${digest.length} bytes, expected ${DIGEST_BYTES}`,
      );
    }
    return new StorePath(digest, name);
  }

  /** Reads `/nix/store/` and a basename, with nothing after it. */
  static fromAbsolutePath(path: string | Uint8Array): StorePath {
    const text = typeof path === 'string' ? path : oneCharacterAByte(path);
    return StorePath.parse(afterStoreDir(text));
  }

  /**
   * Reads a path to something in the store: the store path, and what follows it as a relative path, without repeated or
   * trailing slashes (empty when nothing follows). The relative path is not normalised otherwise.
   */
  static fromAbsolutePathFull(path: string): {
    readonly storePath: StorePath;
    readonly relativePath: string;
  } {
    const [basename = '', ...rest] = afterStoreDir(path).split('/');
    return {
      storePath: StorePath.parse(basename),
      relativePath: rest.filter((part) => part !== '').join('/'),
    };
  }

  /** Orders store paths by their digests alone. */
  static compare(a: StorePath, b: StorePath): number {
    for (let i = 0; i < DIGEST_BYTES; i++) {
      const difference = (a.digest[i] as number) - (b.digest[i] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** The digest in nixbase32, 32 characters: what a binary cache names a narinfo by. */
  get hashPart(): string {
    return encodeNixBase32(this.digest);
  }

  /** The basename. */
  toString(): string {
    return `${this.hashPart}-${this.name}`;
  }

  /** The basename below `/nix/store/`. */
  toAbsolutePath(): string {
    return STORE_DIR_PREFIX + this.toString();
  }

  equals(other: StorePath): boolean {
    return this.name === other.name && StorePath.compare(this, other) === 0;
  }
}

function afterStoreDir(path: string): string {
  if (!path.startsWith(STORE_DIR_PREFIX))
    throw invalid(
      'MissingStoreDir',
      `path does not start with ${STORE_DIR_PREFIX}: ${path}`,
    );
  return path.slice(STORE_DIR_PREFIX.length);
}

function decodeDigest(text: string): Uint8Array {
  try {
    return decodeNixBase32(text, DIGEST_BYTES);
  } catch (cause) {
    throw invalid(
      'InvalidHashEncoding',
      `store path digest is not nixbase32: ${text}`,
      { cause },
    );
  }
}

function assertName(name: string): void {
  if (name.length === 0 || name.length > MAX_NAME_LENGTH) {
    throw invalid(
      'InvalidLength',
      `store path name has ${name.length} characters, expected 1 to ${MAX_NAME_LENGTH}`,
    );
  }
  const position = name.startsWith('.')
    ? 0
    : name.search(INVALID_NAME_CHARACTER);
  if (position >= 0) {
    throw invalid(
      'InvalidName',
      `store path name has an invalid character at ${position}: ${name}`,
      { position },
    );
  }
}

/** Every byte beyond ASCII becomes some character that no store path has. */
function oneCharacterAByte(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function invalid(
  reason: string,
  message: string,
  more: { position?: number; cause?: unknown } = {},
): NarError {
  const { position, ...cause } = more;
  const details = position === undefined ? { reason } : { reason, position };
  return new NarError('nar/invalid-store-path', message, { details, ...cause });
}
