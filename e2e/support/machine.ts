import { describe, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

const NEEDS = {
  nix: () => runs('nix-store', ['--version']),
  'python3-grpcio': () => runs('/usr/bin/python3', ['-c', 'import grpc']),
  protoc: () => runs('protoc', ['--version']),
  root: () => process.getuid?.() === 0,
  '/dev/fuse': () => canOpen('/dev/fuse'),
  fusermount3: () => runs('fusermount3', ['--version']),
  rsync: () => runs('rsync', ['--version']),
  git: () => runs('git', ['--version']),
  qemu: () => runs('qemu-system-x86_64', ['--version']),
} satisfies Record<string, () => boolean>;

/** Something that a test may need beyond Node and npm. */
export type Need = keyof typeof NEEDS;

/**
 * A group of tests that needs something of the machine. Where that is missing, the group counts as skipped under a name
 * that says why; in CI nothing may be skipped.
 */
export function describeWith(
  needs: readonly Need[],
  name: string,
  body: () => void,
): void {
  const missing = needs.filter((need) => !NEEDS[need]());
  if (missing.length === 0) {
    describe(name, body);
  } else {
    const { skip } = it;
    skip(`${name}: needs ${missing.join(', ')}`, () => {});
  }
}

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function canOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
