// What the tools share: where the workspace is, and how to run a program in it.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Runs a program with the workspace's binaries on the path, its output going where ours goes. Answers its exit code. */
export function run(command, args, { env = {}, ...options } = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      NX_DAEMON: 'false',
      PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
      ...env,
    },
    ...options,
  });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

/** Runs a program and ends ours with its exit code where that isn't zero. */
export function must(command, args, options) {
  const status = run(command, args, options);
  if (status !== 0) process.exit(status);
}
