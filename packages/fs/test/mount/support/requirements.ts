import { describe } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';

/** What a real mount needs. */
export type Requirement =
  'fuse' | 'root' | 'fusermount3' | 'unshare' | 'Linux 6.9';

const CHECKS: Record<Requirement, () => void> = {
  fuse: () => accessSync('/dev/fuse', constants.R_OK | constants.W_OK),
  root: () => {
    if (process.getuid?.() !== 0) throw new Error('not root');
  },
  'Linux 6.9': () => {
    const [major = 0, minor = 0] = release().split('.').map(Number);
    if (major < 6 || (major === 6 && minor < 9)) throw new Error(release());
  },
  fusermount3: () => execFileSync('fusermount3', ['--version']),
  unshare: () => execFileSync('unshare', ['-Urm', 'true'], { stdio: 'pipe' }),
};

/** A suite of real mounts. Where the machine lacks something, it is left out, which is said on stderr. */
export function describeMounts(
  name: string,
  needs: readonly Requirement[],
  body: () => void,
): void {
  assertBuilt();
  const missing = needs.filter((need) => {
    try {
      CHECKS[need]();
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length > 0)
    process.stderr.write(`skipped: ${name}: needs ${missing.join(', ')}\n`);
  (missing.length > 0 ? describe.skip : describe)(name, body);
}

/** Worker threads can't load TypeScript: these tests run what was built. */
function assertBuilt(): void {
  const worker = new URL('../../../dist/fuse/worker.js', import.meta.url);
  if (!existsSync(fileURLToPath(worker)))
    throw new Error(
      'packages/fs/dist is missing: build first (npx tsc -b packages/fs/tsconfig.lib.json)',
    );
}
