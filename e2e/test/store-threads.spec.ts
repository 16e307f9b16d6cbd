import { afterAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { output, runProgram } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';

const scratch = scratchFolder();
const here = fileURLToPath(new URL('.', import.meta.url));

/** Stores what a thread compresses, and prints how nice each thread of the process is: its main thread first. */
const program = (options: string): string => `
  const { readdirSync, readFileSync } = require('node:fs');
  const nicenessOf = (thread) =>
    readFileSync('/proc/self/task/' + thread + '/stat', 'utf8')
      .split(') ')[1]
      .split(' ')[16];
  import('@tvix/castore').then(async ({ LocalBlobService, openLocalStore }) => {
    const store = await openLocalStore(process.argv[1], ${options});
    await new LocalBlobService(store).putMany([new Uint8Array(100_000)]);
    const threads = readdirSync('/proc/self/task').sort((a, b) => a - b);
    console.log(JSON.stringify(threads.map((of) => Number(nicenessOf(of)))));
    await store.close();
  });
`;

async function niceness(name: string, options: string): Promise<number[]> {
  const printed = await output(
    runProgram(
      process.execPath,
      ['-e', program(options), join(scratch.path, name)],
      // Of the built packages, which have the threads.
      { cwd: here, env: { NODE_OPTIONS: '' } },
    ),
  );
  return JSON.parse(String(printed)) as number[];
}

/** As in a shell: a module that isn't a file. */
const typedModule = `
  import { LocalBlobService, openLocalStore } from '@tvix/castore';
  const store = await openLocalStore(process.argv[1], { reserveBytes: 0 });
  const blobs = new LocalBlobService(store);
  const [digest] = await blobs.putMany([new Uint8Array(100_000)]);
  const [bytes] = await blobs.getMany([digest]);
  process.stdout.write(String(bytes.length));
  await store.close();
`;

afterAll(() => scratch.remove());

describe('the threads of a store', () => {
  it('give way as far as they are told to, and nobody else does', async () => {
    const common = 'reserveBytes: 0, threads: 2';
    const [own, ...others] = await niceness(
      'nice',
      `{ ${common}, threadNiceness: 3 }`,
    );
    // One blob is the work of one thread: the other isn't started.
    expect(others.filter((of) => of === own! + 3)).toHaveLength(1);
    expect(new Set(others)).toEqual(new Set([own, own! + 3]));
    const all = await niceness('plain', `{ ${common} }`);
    expect(new Set(all)).toEqual(new Set([own]));
  });

  it('work for a module that is given as text', async () => {
    const folder = join(scratch.path, 'typed');
    const printed = await output(
      runProgram(
        process.execPath,
        ['--input-type=module', '-e', typedModule, folder],
        { cwd: here, env: { NODE_OPTIONS: '' } },
      ),
    );
    expect(String(printed)).toBe('100000');
  });
});
