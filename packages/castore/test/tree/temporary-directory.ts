import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

/** Gives each test of a suite a directory of its own, and answers with its path while a test runs. */
export function useTemporaryDirectory(): () => string {
  let path = '';
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'tvix-castore-'));
  });
  afterEach(() => {
    // Not Node's rmSync: it gives up on paths that are longer than the system takes.
    execFileSync('rm', ['-rf', path]);
  });
  return () => path;
}
