import { lstatSync } from 'node:fs';
import type { FileIdentity } from './known-files.ts';

/** What is found at a path. */
export interface Found extends FileIdentity {
  /** The type of the file, and who may do what with it. */
  readonly mode: number;
}

/**
 * Looks at what lies at a path, without following it: the first so many bytes of a buffer, which has room for one more.
 * `undefined` where that isn't possible. What it answers with is changed by the next call.
 */
export type Lstat = (path: Buffer, length: number) => Found | undefined;

/** As Node does it, which takes twice as long: three objects and four dates for each file. */
export const plainLstat: Lstat = (path, length) => {
  try {
    return lstatSync(path.subarray(0, length));
  } catch {
    return undefined;
  }
};
