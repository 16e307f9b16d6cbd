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
  // No install script runs: every native part comes prebuilt inside its package.
  must('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
}
