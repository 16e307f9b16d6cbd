import type { Command as CommanderCommand } from 'commander';
import type { AddCommand } from './add-command.ts';
import { examples } from './examples.ts';
import { withStore } from './store-options.ts';

/** The commands that take care of a store, on this disk or behind a daemon. */
export function addCareCommands(
  program: CommanderCommand,
  add: AddCommand,
): void {
  withStore(
    add(
      program,
      'stats',
      async () => (await import('../commands/stats.ts')).stats,
    ),
  )
    .summary('count what a store holds')
    .description(
      'Counts what a store holds and what that takes on the disk, of a daemon or on this disk beside one.',
    )
    .addHelpText(
      'after',
      examples('tvix-store stats', 'tvix-store stats --store local:/srv/store'),
    );
  withStore(
    add(program, 'gc', async () => (await import('../commands/gc.ts')).gc),
  )
    .summary('remove what nothing leads to')
    .description(
      'Removes from a store what neither a store path nor a pin leads to and nobody used within the grace, and gives its space back. Without a rule no store path goes. What stays keeps all that it refers to. A daemon goes on serving meanwhile; interrupted, the next run goes on.',
    )
    .option('-n, --dry-run', 'only tell what would go')
    .option(
      '--keep-newer-than <time>',
      'first forget the store paths that were neither registered nor used for so long, as in 30d',
    )
    .option(
      '--max-size <size>',
      'first forget the store paths used longest ago, until the rest fits, as in 20G',
    )
    .option(
      '--grace <time>',
      'what was used within this time stays, whatever leads to it; 1h or more (default: 24h)',
    )
    .addHelpText(
      'after',
      examples(
        'tvix-store gc --dry-run',
        'tvix-store gc --store local:/srv/store --keep-newer-than 30d --max-size 200G',
      ),
    );
  withStore(
    add(
      program,
      'verify',
      async () => (await import('../commands/verify.ts')).verify,
    ),
  )
    .summary('look for damage in a store')
    .description(
      'Reads every record of a store and renders every store path, and prints what is damaged. It changes nothing, unless it is told to repair.',
    )
    .option(
      '--repair',
      'move damage to the quarantine, make a damaged index again from the packs, and print what was lost',
    )
    .addHelpText(
      'after',
      examples(
        'tvix-store verify --store local:/srv/store',
        'tvix-store verify --repair',
      ),
    );
  withStore(
    add(
      program,
      'delete <store-path...>',
      async () => (await import('../commands/delete.ts')).deletePaths,
    ),
  )
    .summary('forget store paths')
    .description(
      'Forgets store paths, all of them or none, and prints those that were there. One that others refer to stays, and so does one that is pinned. What they lead to is removed by the next gc.',
    )
    .option(
      '--ignore-referrers',
      'also where paths that stay refer to them: these are left incomplete',
    )
    .addHelpText('after', examples('tvix-store delete /nix/store/…-hello'));
  const pin = program
    .command('pin')
    .summary('names for what is never removed')
    .description('Names for what is never removed from a store.');
  withStore(
    add(
      pin,
      'add <name> <store-path|digest>',
      async () => (await import('../commands/pin.ts')).pinAdd,
    ),
  ).description(
    'Keeps a store path with all that it refers to, or a tree or blob by its digest, under a name of your choice.',
  );
  withStore(
    add(
      pin,
      'rm <name>',
      async () => (await import('../commands/pin.ts')).pinRemove,
    ),
  ).description('Removes a pin; what it kept goes with the next collection.');
  withStore(
    add(pin, 'list', async () => (await import('../commands/pin.ts')).pinList),
  ).description('Prints all pins.');
}
