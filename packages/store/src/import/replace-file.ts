import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes a file in the place of what was there before, for its owner alone; makes the folder that it lies in.
 *
 * @throws the file system's errors
 */
export function replaceFile(file: string, parts: readonly Uint8Array[]): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const written = `${file}.${process.pid}`;
  try {
    writeFileSync(written, '', { mode: 0o600 });
    for (const part of parts) writeFileSync(written, part, { flag: 'a' });
    renameSync(written, file);
  } catch (error) {
    rmSync(written, { force: true });
    throw error;
  }
}
