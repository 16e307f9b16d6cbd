import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect } from '@jest/globals';

/** What a killed daemon leaves behind: the file of a socket that nobody has open. */
export function leaveStaleSocket(path: string): void {
  const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', code]);
  expect(existsSync(path)).toBe(true);
}
