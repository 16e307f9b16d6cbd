import { once } from 'node:events';
import { lstatSync, unlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { CliError } from '../errors.ts';

/**
 * Removes a socket file on which nobody answers, so that a daemon that was killed can come back.
 *
 * @throws CliError `cli/address-in-use` where somebody does
 */
export async function removeStaleSocket(path: string): Promise<void> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const probe = createConnection(path);
  try {
    await once(probe, 'connect');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED') unlinkSync(path);
    return;
  } finally {
    probe.destroy();
  }
  throw new CliError(
    'cli/address-in-use',
    `cannot listen on ${path}: another process answers there`,
  );
}
