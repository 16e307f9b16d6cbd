import fs from 'node:fs';
import path from 'node:path';

/** Makes the names in a directory durable: what was created, renamed or removed in it. */
export function syncDirectory(directory: string): void {
  const fd = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Creates a directory and its missing parents, each of them durably. */
export function makeDirectoryDurably(directory: string): void {
  const first = fs.mkdirSync(directory, { recursive: true, mode: 0o755 });
  if (first === undefined) return;
  const top = path.dirname(path.resolve(first));
  for (
    let at = path.dirname(path.resolve(directory));
    ;
    at = path.dirname(at)
  ) {
    syncDirectory(at);
    if (at === top) break;
  }
}

/**
 * Replaces a small file as a whole: after a crash it holds the old contents or the new, never a part.
 *
 * The temporary name ends in `.tmp`, which nothing ever loads.
 */
export function writeFileDurably(file: string, contents: string): void {
  const temporary = `${file}.tmp`;
  const fd = fs.openSync(temporary, 'w', 0o644);
  try {
    fs.writeSync(fd, contents);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
  fs.renameSync(temporary, file);
  syncDirectory(path.dirname(file));
}
