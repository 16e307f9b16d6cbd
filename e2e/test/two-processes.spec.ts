import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CACHE_HOME } from '../support/cache-home.ts';
import { Daemon, peakMiB } from '../support/daemon.ts';
import { line, PROGRAM, runProgram } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededBytes } from '../support/trees.ts';

/** Neither side may hold more than this, whatever the size of what passes through. */
const MEMORY_MIB = 300;

const scratch = scratchFolder();
const nodeModules = fileURLToPath(
  new URL('../../node_modules', import.meta.url),
);
const large = join(scratch.path, 'large-file');

beforeAll(() => {
  // 2 GiB in which no two MiB are alike.
  const piece = seededBytes(2026, 1024 * 1024);
  const fd = openSync(large, 'w');
  for (let i = 0; i < 2048; i++) {
    piece.writeUInt32LE(i, 4 * i);
    writeSync(fd, piece);
  }
  closeSync(fd);
});
afterAll(() => scratch.remove());

describe('a daemon and a client, two processes', () => {
  for (const transport of ['TCP', 'a unix socket'] as const) {
    describe(`over ${transport}`, () => {
      const folder = join(scratch.path, transport.replaceAll(' ', '-'));
      let daemon: Daemon;
      let store: string;

      beforeAll(async () => {
        mkdirSync(folder);
        const listen =
          transport === 'TCP' ? '127.0.0.1:28473' : join(folder, 'socket');
        store =
          transport === 'TCP'
            ? `grpc+http://${listen}`
            : `grpc+unix://${listen}`;
        daemon = await Daemon.start([
          '--store',
          `local:${join(folder, 'store')}`,
          '-l',
          listen,
        ]);
      });
      afterAll(async () => {
        expect(await daemon.stop()).toBe(0);
        await runProgram('rm', ['-rf', folder]);
      });

      for (const [what, path] of [
        ['node_modules', nodeModules],
        ['a file of 2 GiB', large],
      ] as const) {
        it(`imports and exports ${what} whole, in bounded memory`, async () => {
          const imported = await watched(['import', '--store', store, path]);
          const exported = join(folder, 'exported');
          const written = await watched([
            'export',
            '--store',
            store,
            imported.printed,
            exported,
          ]);
          expect(
            await line(
              runProgram('diff', ['-r', '--no-dereference', path, exported]),
            ),
          ).toBe('');
          await runProgram('rm', ['-rf', exported]);
          expect(imported.peak).toBeLessThan(MEMORY_MIB);
          expect(written.peak).toBeLessThan(MEMORY_MIB);
          expect(await daemon.peakMiB()).toBeLessThan(MEMORY_MIB);
        }, 240_000);
      }
    });
  }
});

/** Runs the program to its end; what it printed, and the peak of its memory in MiB. */
async function watched(
  args: readonly string[],
): Promise<{ printed: string; peak: number }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_CACHE_HOME: CACHE_HOME },
  });
  let printed = '';
  let errors = '';
  let peak = 0;
  // The kernel keeps the high-water mark, so that the last look before the end says it all.
  const look = setInterval(() => {
    peakMiB(child.pid!).then(
      (value) => (peak = Math.max(peak, value)),
      () => {},
    );
  }, 20);
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(look);
  if (code !== 0) throw new Error(`exit code ${String(code)}\n${errors}`);
  return { printed: printed.trimEnd(), peak };
}
