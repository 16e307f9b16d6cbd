import { CastoreError } from '../errors.ts';
import { quoteBytes } from '../path/path-component.ts';

/** What can go wrong on a disk. */
export type DiskErrorCode =
  | 'castore/unable-to-stat'
  | 'castore/unable-to-open'
  | 'castore/unable-to-read'
  | 'castore/unable-to-write'
  | 'castore/no-space'
  | 'castore/file-changed'
  | 'castore/destination-exists'
  | 'castore/unsupported-file-type';

const WHAT_HAPPENED: Readonly<Record<DiskErrorCode, string>> = {
  'castore/unable-to-stat': 'unable to examine',
  'castore/unable-to-open': 'unable to open',
  'castore/unable-to-read': 'unable to read',
  'castore/unable-to-write': 'unable to write',
  'castore/no-space': 'no space left to write',
  'castore/file-changed': 'it changed while it was read:',
  'castore/destination-exists': 'there is something already at',
  'castore/unsupported-file-type':
    'neither a file, a directory nor a symbolic link:',
};

/** A failure of the disk, with the path as people know it in the message and, as bytes, in the details. */
export function diskError(
  code: DiskErrorCode,
  path: Uint8Array,
  cause?: unknown,
): CastoreError {
  return new CastoreError(code, `${WHAT_HAPPENED[code]} ${quoteBytes(path)}`, {
    cause,
    details: { path },
  });
}

/** The system's name for what went wrong, such as `ENOENT`; empty where it wasn't the system. */
export function errnoOf(error: unknown): string {
  const code =
    typeof error === 'object' && error !== null && 'code' in error
      ? error.code
      : undefined;
  return typeof code === 'string' ? code : '';
}
