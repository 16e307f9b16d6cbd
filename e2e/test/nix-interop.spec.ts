import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describeWith } from '../support/machine.ts';
import { Nix } from '../support/nix.ts';
import { line, output, runProgram, tvixStore } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';
import { makeShapes, SHAPES } from '../support/trees.ts';

const scratch = scratchFolder();
const trees = join(scratch.path, 'trees');
const store = `local:${join(scratch.path, 'store')}`;
const nix = new Nix(scratch.path);

beforeAll(() => void makeShapes(trees));
afterAll(() => scratch.remove());

describeWith(['nix'], 'tvix-store beside the real Nix', () => {
  for (const name of Object.keys(SHAPES)) {
    describe(`a tree of the shape ${name}`, () => {
      const tree = join(trees, name);
      let storePath: string;

      it('is imported under the path that nix-store --add prints', async () => {
        storePath = await line(tvixStore(['import', '--store', store, tree]));
        expect(storePath).toBe(await line(nix.store(['--add', tree])));
      });

      it('is dumped from the disk as nix-store --dump does, byte for byte', async () => {
        expect(
          (await output(tvixStore(['nar', 'dump', tree]))).equals(
            await nix.dump(tree),
          ),
        ).toBe(true);
      });

      it('is dumped from the store as nix-store --dump does, byte for byte', async () => {
        const nar = await output(
          tvixStore(['nar', 'dump', '--store', store, storePath]),
        );
        expect(nar.equals(await nix.dump(tree))).toBe(true);
      });

      it('is restored as nix-store --restore does', async () => {
        const nar = await nix.dump(tree);
        const ours = join(scratch.path, `ours-${name}`);
        const theirs = join(scratch.path, `theirs-${name}`);
        await output(tvixStore(['nar', 'restore', ours], { input: nar }));
        await output(nix.store(['--restore', theirs], nar));
        await expectSameTree(ours, theirs);
      });

      it('is exported from the store as it was', async () => {
        const exported = join(scratch.path, `exported-${name}`);
        await output(
          tvixStore(['export', '--store', store, storePath, exported]),
        );
        expect((await nix.dump(exported)).equals(await nix.dump(tree))).toBe(
          true,
        );
      });

      it('has the hash that nix hash path prints', async () => {
        expect(await line(tvixStore(['nar', 'hash', tree]))).toBe(
          await line(nix.nix(['hash', 'path', tree])),
        );
      });

      // Nix 2.8 prints names that aren't UTF-8 not at all: it fails.
      if (name !== 'names-that-are-not-text') {
        it('is listed as nix nar ls --json -R lists it', async () => {
          const nar = join(scratch.path, `${name}.nar`);
          mkdirSync(scratch.path, { recursive: true });
          await output(
            runProgram('sh', [
              '-c',
              'exec nix-store --dump "$1" > "$2"',
              'sh',
              tree,
              nar,
            ]),
          );
          const ours = await line(
            tvixStore(['nar', 'ls', '--json', '-R', nar, '/']),
          );
          expect(ours).toBe(
            await line(nix.nix(['nar', 'ls', '--json', '-R', nar, '/'])),
          );
        });
      }
    });
  }

  it('prints a path for each argument', async () => {
    const paths = Object.keys(SHAPES).map((name) => join(trees, name));
    const printed = (
      await line(tvixStore(['import', '--store', store, ...paths]))
    ).split('\n');
    expect(printed.map((path) => basename(path).slice(33)).sort()).toEqual(
      Object.keys(SHAPES).sort(),
    );
  });
});

/** Types, modes, targets and contents, by tools that know nothing of either side. */
async function expectSameTree(a: string, b: string): Promise<void> {
  const [x, y] = await Promise.all([tree(a), tree(b)]);
  expect(x).toBe(y);
  expect(await line(runProgram('diff', ['-r', '--no-dereference', a, b]))).toBe(
    '',
  );
}

/** A line an entry: path below the root, type, mode, target of a link. */
function tree(path: string): Promise<string> {
  return line(
    runProgram('sh', [
      '-c',
      'find "$1" -printf "%P %y %m %l\\n" | LC_ALL=C sort',
      'sh',
      path,
    ]),
  );
}
