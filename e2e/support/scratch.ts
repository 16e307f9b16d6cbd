import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is there for one `describe`, and gone after it. */
export function scratchFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tvix-e2e-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
