/**
 * What is known of a file that was uploaded under `nar/`: a client uploads the NAR before it says which path it belongs
 * to, and asks for the file by that name for as long as it remembers the name. As JSON in a table, by the SHA-256 of the
 * file; the NAR itself lies in castore.
 */
import type { Node } from '@tvix/castore';
import {
  Node as NodeMessage,
  nodeFromProto,
  nodeToProto,
} from '@tvix/castore/proto';
import { StoreError } from '../errors.ts';
import type { Compression } from '../compression/compression.ts';
import type { CacheTable, CacheTables } from './table.ts';

/** A file that was uploaded under `nar/`. */
export interface UploadedNar {
  readonly node: Node;
  readonly narSha256: Uint8Array;
  readonly narSize: bigint;
  /** How the file was compressed. */
  readonly compression: Compression;
  /** Bytes of the file. */
  readonly fileSize: number;
}

/** Where uploaded files are looked up. */
export interface UploadedNars {
  readonly tables: Pick<CacheTables, 'nars'>;
  readonly arriving: {
    /** Resolves when a file is stored, or isn't going to be. */
    settled(fileSha256: Uint8Array): Promise<void>;
  };
}

/** The file of that SHA-256, durable; `undefined` where none was uploaded. */
export async function getUploadedNar(
  { tables, arriving }: UploadedNars,
  fileSha256: Uint8Array,
): Promise<UploadedNar | undefined> {
  await arriving.settled(fileSha256);
  const value = await tables.nars.get(fileSha256);
  if (value === undefined) return undefined;
  try {
    return decodeUploadedNar(value);
  } catch (cause) {
    throw new StoreError(
      'store/corrupt-path-info',
      'the record of an uploaded NAR is invalid',
      { cause, details: { fileSha256 } },
    );
  }
}

/** What an entry of the table says; throws where it is none. */
export function decodeUploadedNar(value: Uint8Array): UploadedNar {
  const json = JSON.parse(Buffer.from(value).toString()) as Record<
    'node' | 'narSha256' | 'narSize' | 'compression' | 'fileSize',
    string
  >;
  return {
    node: nodeFromProto(NodeMessage.decode(fromBase64(json.node))),
    narSha256: fromBase64(json.narSha256),
    narSize: BigInt(json.narSize),
    compression: json.compression as Compression,
    fileSize: Number(json.fileSize),
  };
}

/** Remembers a file whose NAR is stored. */
export async function putUploadedNar(
  table: Pick<CacheTable, 'put'>,
  fileSha256: Uint8Array,
  nar: UploadedNar,
): Promise<void> {
  const message = nodeToProto(nar.node, new Uint8Array(0));
  const json = {
    node: toBase64(NodeMessage.encode(message).finish()),
    narSha256: toBase64(nar.narSha256),
    narSize: String(nar.narSize),
    compression: nar.compression,
    fileSize: String(nar.fileSize),
  };
  await table.put(fileSha256, new TextEncoder().encode(JSON.stringify(json)));
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}
