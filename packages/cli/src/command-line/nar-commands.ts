import type { Command as CommanderCommand } from 'commander';
import type { AddCommand } from './add-command.ts';
import { examples } from './examples.ts';
import { withStore } from './store-options.ts';

/** The commands that read and write Nix archives. */
export function addNarCommands(
  program: CommanderCommand,
  add: AddCommand,
): void {
  const nar = program
    .command('nar')
    .summary('read and write Nix archives')
    .description('Reads and writes Nix archives (NAR).');
  withStore(
    add(
      nar,
      'dump <path|store-path>',
      async () => (await import('../commands/nar-dump.ts')).narDump,
    ),
  )
    .description(
      'Writes the archive of a path to standard output. A store path is dumped from the store, anything else from the disk; ./ in front of a name makes it a path on disk.',
    )
    .addHelpText(
      'after',
      examples(
        'tvix-store nar dump ./result > result.nar',
        'tvix-store nar dump /nix/store/…-hello | sha256sum',
      ),
    );
  add(
    nar,
    'restore <destination>',
    async () => (await import('../commands/nar-restore.ts')).narRestore,
  ).description(
    'Writes the archive on standard input to a destination that does not exist yet.',
  );
  add(
    nar,
    'ls [file] [path]',
    async () => (await import('../commands/nar-ls.ts')).narLs,
  )
    .description(
      'Lists what is in the archive in a file, or on standard input for -, without reading the contents where the file can seek. --json prints what nix nar ls --json prints.',
    )
    .option('-R, --recursive', 'list everything below, too')
    .option('-l, --long', 'tell modes, sizes and targets');
  add(
    nar,
    'hash <path...>',
    async () => (await import('../commands/nar-hash.ts')).narHash,
  )
    .description(
      'Prints the hash of the archive that a path on disk makes, as nix hash path does.',
    )
    .option('--type <algorithm>', 'md5, sha1, sha256 or sha512', 'sha256');
}
