import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon } from '../support/daemon.ts';
import { line, PROGRAM, runProgram } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';

const readme = readFileSync(
  new URL('../../README.md', import.meta.url),
  'utf8',
);
const session = /^## A session\n.*?^```sh\n(.*?)^```$/ms.exec(readme)![1]!;
const steps = session
  .split(/^\$ /m)
  .slice(1)
  .map((step) => {
    const [command, ...printed] = step.trimEnd().split('\n');
    return { command: command!, printed: printed.join('\n') };
  });

const scratch = scratchFolder();
let daemon: Daemon;
beforeAll(async () => {
  const store = `local:${join(scratch.path, 'store')}`;
  daemon = await Daemon.start([
    '--store',
    store,
    '-l',
    join(scratch.path, 'socket'),
  ]);
});
afterAll(async () => {
  await daemon.stop();
  scratch.remove();
});

describe("the README's session", () => {
  it('has steps', () => expect(steps.length).toBeGreaterThan(4));

  for (const { command, printed } of steps) {
    it(`prints what it says: ${command}`, async () => {
      // The same commands, in a folder of the test's own, by the built program, against the test's own daemon.
      const script = `npx() { shift; '${process.execPath}' '${PROGRAM}' "$@"; }\n${command.replaceAll('/tmp/', `${scratch.path}/`)}`;
      const env = {
        TVIX_STORE: `grpc+unix://${join(scratch.path, 'socket')}`,
        XDG_CACHE_HOME: scratch.path,
      };
      expect(await line(runProgram('sh', ['-c', script], { env }))).toBe(
        printed,
      );
    });
  }
});
