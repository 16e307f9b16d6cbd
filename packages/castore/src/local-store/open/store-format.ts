import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {
  type ChunkingParameters,
  DEFAULT_CHUNKING,
  isChunkingParameters,
} from '../../chunking/parameters.ts';
import { CastoreError } from '../../errors.ts';
import { writeFileDurably } from '../durable-files.ts';
import { errnoOf, ioFailure } from '../store-failure.ts';

/** What a program may want to do with a store; each can be barred to programs that don't know a feature. */
export type StoreOperation = 'read' | 'write' | 'gc' | 'check';

/** What the file FORMAT of a store says. */
export interface StoreFormat {
  readonly version: 1;
  /** 32 hex digits, random. */
  readonly storeId: string;
  readonly created: string;
  /** For each operation the features that a program must know to do it. */
  readonly mandatory: Readonly<Record<StoreOperation, readonly string[]>>;
  /** How new large blobs are cut. Changing it costs deduplication, never correctness. */
  readonly chunking: ChunkingParameters;
}

const NAME = 'tvix-castore local store';
const VERSION = 1;
const OPERATIONS: readonly StoreOperation[] = ['read', 'write', 'gc', 'check'];

/** The features that this program knows. */
const KNOWN_FEATURES: ReadonlySet<string> = new Set();

/** Where the format stands. */
export function formatFile(directory: string): string {
  return path.join(directory, 'FORMAT');
}

/** A format for a store that has none yet. */
export function createFormat(options: {
  readonly storeId?: Uint8Array | undefined;
  readonly chunking?: ChunkingParameters | undefined;
}): StoreFormat {
  return {
    version: VERSION,
    storeId: Buffer.from(options.storeId ?? randomBytes(16)).toString('hex'),
    created: new Date().toISOString(),
    mandatory: { read: [], write: [], gc: [], check: [] },
    chunking: options.chunking ?? DEFAULT_CHUNKING,
  };
}

/** Writes the format durably. */
export function writeFormat(directory: string, format: StoreFormat): void {
  const json = JSON.stringify({ format: NAME, ...format }, undefined, 2);
  writeFileDurably(formatFile(directory), `${json}\n`);
}

/**
 * The format of a store; `undefined` where the directory has none.
 *
 * @throws CastoreError `castore/store-format` where it is damaged or made by a newer program, `castore/io`
 */
export function readFormat(directory: string): StoreFormat | undefined {
  const file = formatFile(directory);
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw ioFailure(`cannot read ${file}`, error);
  }
  return parseFormat(text, file);
}

/**
 * Refuses an operation that needs features which this program doesn't know.
 *
 * @throws CastoreError `castore/store-format`
 */
export function assertKnownFeatures(
  format: StoreFormat,
  operation: StoreOperation,
): void {
  const unknown = format.mandatory[operation].filter(
    (feature) => !KNOWN_FEATURES.has(feature),
  );
  if (unknown.length > 0) {
    throw new CastoreError(
      'castore/store-format',
      `the store was written by a newer program: to ${operation} it one must know ${unknown.join(', ')}; use that program, or a later one`,
      { details: { operation, features: unknown } },
    );
  }
}

function parseFormat(text: string, file: string): StoreFormat {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw damaged(file, error);
  }
  if (typeof parsed !== 'object' || parsed === null) throw damaged(file);
  const fields = parsed as Record<string, unknown>;
  if (fields['format'] !== NAME) throw damaged(file);
  if (fields['version'] !== VERSION) {
    throw new CastoreError(
      'castore/store-format',
      `${file} says version ${String(fields['version'])}, this program knows version ${VERSION}; use the program that wrote it, or copy the store with that program into a new one`,
      { details: { version: fields['version'] } },
    );
  }
  const { storeId, created, mandatory, chunking } = fields;
  if (
    typeof storeId !== 'string' ||
    !/^[0-9a-f]{32}$/.test(storeId) ||
    typeof created !== 'string' ||
    !isMandatory(mandatory) ||
    !isChunkingParameters(chunking)
  )
    throw damaged(file);
  return { version: VERSION, storeId, created, mandatory, chunking };
}

function isMandatory(value: unknown): value is StoreFormat['mandatory'] {
  if (typeof value !== 'object' || value === null) return false;
  return OPERATIONS.every((operation) => {
    const list = (value as Record<string, unknown>)[operation];
    return (
      Array.isArray(list) && list.every((item) => typeof item === 'string')
    );
  });
}

function damaged(file: string, cause?: unknown): CastoreError {
  return new CastoreError(
    'castore/store-format',
    `${file} is damaged; move it aside, and the next open writes it anew from the packs`,
    { cause },
  );
}
