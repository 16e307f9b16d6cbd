import { base64Length, decodeBase64, encodeBase64 } from './base64.ts';
import { NarError, type NarErrorCode } from './errors.ts';

/** Bytes that belong to a key name: a signature or a key. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What Rust calls alphanumeric, dashes and dots. */
const NAME = /^[\p{Alphabetic}\p{N}.-]+$/u;

/** Refuses a name that could not stand before the colon. */
export function assertKeyName(code: NarErrorCode, name: string): void {
  if (!NAME.test(name)) {
    throw new NarError(
      code,
      `key name is not made of letters, digits, dashes and dots: ${name}`,
      {
        details: { reason: 'InvalidName' },
      },
    );
  }
}

/**
 * Reads `name:base64`, split at the first colon, of exactly `length` bytes. The error has the reason `MissingSeparator`,
 * `InvalidName`, `invalidLength` or `DecodeError`; its message does not repeat the text, which may be secret.
 */
export function parseNamedBytes(
  code: NarErrorCode,
  text: string,
  length: number,
  invalidLength: string,
): NamedBytes {
  const separator = text.indexOf(':');
  if (separator < 0)
    throw new NarError(code, 'no colon after the key name', {
      details: { reason: 'MissingSeparator' },
    });
  const name = text.slice(0, separator);
  assertKeyName(code, name);
  const base64 = text.slice(separator + 1);
  const expected = base64Length(length);
  if (base64.length !== expected) {
    throw new NarError(
      code,
      `${base64.length} characters after "${name}:", expected ${expected}`,
      {
        details: { reason: invalidLength },
      },
    );
  }
  let bytes: Uint8Array;
  try {
    bytes = decodeBase64(base64);
  } catch (cause) {
    throw new NarError(code, `malformed base64 after "${name}:"`, {
      details: { reason: 'DecodeError' },
      cause,
    });
  }
  if (bytes.length !== length) {
    throw new NarError(
      code,
      `${bytes.length} bytes after "${name}:", expected ${length}`,
      {
        details: { reason: invalidLength },
      },
    );
  }
  return { name, bytes };
}

/** Writes what {@link parseNamedBytes} reads. */
export function formatNamedBytes({ name, bytes }: NamedBytes): string {
  return `${name}:${encodeBase64(bytes)}`;
}
