import { formatNamedBytes, parseNamedBytes } from './named-bytes.ts';

/** An Ed25519 signature and the name of the key that made it. */
export interface NarSignature {
  readonly name: string;
  /** 64 bytes. */
  readonly bytes: Uint8Array;
}

/**
 * Reads `name:base64`.
 *
 * @throws NarError `nar/invalid-signature` with the reason `MissingSeparator`, `InvalidName`, `InvalidSignatureLen` or
 *   `DecodeError`
 */
export function parseSignature(text: string): NarSignature {
  return parseNamedBytes(
    'nar/invalid-signature',
    text,
    64,
    'InvalidSignatureLen',
  );
}

/** Writes what {@link parseSignature} reads. */
export function formatSignature(signature: NarSignature): string {
  return formatNamedBytes(signature);
}
