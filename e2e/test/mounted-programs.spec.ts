import { afterAll, expect, it } from '@jest/globals';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  rmdirSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describeWith } from '../support/machine.ts';
import { line, output, runProgram, tvixStore } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';

const TEST_MS = 60_000;
const STORE = '/nix/store';
const scratch = scratchFolder();
const store = `local:${join(scratch.path, 'store')}`;

/** Imports copies of files; their store path. */
async function importFiles(
  name: string,
  files: ReadonlyMap<string, string>,
): Promise<string> {
  const folder = join(scratch.path, name);
  mkdirSync(folder);
  for (const [file, original] of files)
    copyFileSync(realpathSync(original), join(folder, file));
  return line(tvixStore(['import', '--store', store, folder]));
}

/** The loader and the libraries of a program, by their names. */
async function libraries(program: string): Promise<Map<string, string>> {
  const text = await line(runProgram('ldd', [program]));
  const paths = text.matchAll(/(?:=> )?(\/\S+) \(0x/g);
  return new Map(Array.from(paths, ([, path]) => [basename(path!), path!]));
}

describeWith(['root', '/dev/fuse'], 'a program in a store', () => {
  const madeDirectory = existsSync(STORE)
    ? undefined
    : mkdirSync(STORE, { recursive: true });

  afterAll(() => {
    scratch.remove();
    if (madeDirectory === undefined) return;
    rmdirSync(STORE);
    if (madeDirectory !== STORE) rmdirSync(madeDirectory);
  });

  it(
    'runs with the loader and the libraries of that store, mapped from the mount',
    async () => {
      const needed = await libraries('/bin/cat');
      const loader = [...needed.keys()].find((name) => name.startsWith('ld'))!;
      const runtime = await importFiles('runtime', needed);
      const program = await importFiles(
        'program',
        new Map([['cat', '/bin/cat']]),
      );
      const maps = await output(
        tvixStore([
          ...['mount', STORE, '--store', store, '--exec', '--'],
          ...[`${runtime}/${loader}`, '--library-path', runtime],
          ...[`${program}/cat`, '/proc/self/maps'],
        ]),
      );
      const executable = new Set(
        Array.from(
          maps.toString().matchAll(/ r-xp .* (\/\S+)$/gm),
          ([, path]) => path,
        ),
      );
      expect(executable).toEqual(
        new Set([
          `${program}/cat`,
          ...[...needed.keys()].map((name) => `${runtime}/${name}`),
        ]),
      );
      expect(existsSync(program)).toBe(false);
    },
    TEST_MS,
  );
});
