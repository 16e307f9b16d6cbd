import type { Command as CommanderCommand } from 'commander';
import type { AddCommand } from './add-command.ts';
import { withStore } from './store-options.ts';

/** The commands of content addressing without Nix. */
export function addCastoreCommands(
  program: CommanderCommand,
  add: AddCommand,
): void {
  const castore = program
    .command('castore')
    .summary('content addressing without Nix')
    .description('Stores and reads trees by their digests, without Nix.');
  withStore(
    add(
      castore,
      'put <path>',
      async () => (await import('../commands/castore-put.ts')).castorePut,
    ),
  ).description('Stores a tree and prints the digest of its root node.');
  withStore(
    add(
      castore,
      'ls <digest> [path]',
      async () => (await import('../commands/castore-ls.ts')).castoreLs,
    ),
  )
    .description('Lists a directory by its digest, or what is in it.')
    .option('-R, --recursive', 'list everything below, too')
    .option('-l, --long', 'tell modes, sizes and targets');
  withStore(
    add(
      castore,
      'cat <digest>',
      async () => (await import('../commands/castore-cat.ts')).castoreCat,
    ),
  ).description('Prints a blob by its digest.');
}
