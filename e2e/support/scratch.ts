import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is there for one `describe`, and gone after it. */
export function scratchFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tvix-e2e-'));
  // Not Node's rmSync, which takes half again as long; trees of the system have tens of thousands of files.
  return { path, remove: () => void execFileSync('rm', ['-rf', path]) };
}
