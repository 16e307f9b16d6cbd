// Installs the workspace's dependencies where that hasn't been done since the lock file changed.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { must, root } from './run.mjs';

export function install() {
  const installed = join(root, 'node_modules/.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (
    existsSync(installed) &&
    statSync(installed).mtimeMs >= statSync(lock).mtimeMs
  )
    return;
  // No install script runs: every native part comes prebuilt inside its package. Not `npm ci`: it refuses a lock file
  // that doesn't name the binaries of every platform, and not every registry has them all.
  must('npm', [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
  ]);
}
