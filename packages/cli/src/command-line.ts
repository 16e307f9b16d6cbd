import { createRequire } from 'node:module';
import { Command as CommanderCommand, InvalidArgumentError } from 'commander';
import type { Invocation } from './command.ts';
import type { AddCommand, LoadCommand } from './command-line/add-command.ts';
import { addCareCommands } from './command-line/care-commands.ts';
import { addCastoreCommands } from './command-line/castore-commands.ts';
import { examples } from './command-line/examples.ts';
import { addNarCommands } from './command-line/nar-commands.ts';
import { withStore } from './command-line/store-options.ts';
import { addViewCommands } from './command-line/view-commands.ts';
import { writeText } from './command-line/write-text.ts';
import { LOG_LEVELS } from './log-level.ts';
import type { LogLevel } from './log-level.ts';
import { parseLogLevel } from './log-level.ts';

/** Runs a command that the arguments name. */
export type RunCommand = (
  load: LoadCommand,
  invocation: Invocation,
) => Promise<void>;

/** Builds the command line: what there is to say, and what is printed about it. The commands do the rest. */
export function createCommandLine(run: RunCommand): CommanderCommand {
  const { version } = createRequire(import.meta.url)('../package.json') as {
    version: string;
  };
  const program = new CommanderCommand('tvix-store')
    .description(
      'A content-addressed store for file trees, and a Nix store on top of it.',
    )
    .version(version)
    .option('--json', 'print results and logs as JSON, one value a line')
    .option(
      '--log-level <level>',
      `log records of this level and those before it: ${LOG_LEVELS.join(', ')}, or 1 to 5`,
      logLevelArgument,
      'info' satisfies LogLevel,
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => writeText(process.stdout, text),
      // Where that fails nobody can be told, and the exit code says it.
      writeErr: (text) => writeText(process.stderr, text, () => undefined),
    })
    .showHelpAfterError('(--help tells more)')
    .addHelpText('after', PROGRAM_NOTES);

  const add: AddCommand = (parent, nameAndOperands, load) =>
    parent.command(nameAndOperands).action(async (...args: unknown[]) => {
      const command = args.at(-1) as CommanderCommand;
      await run(load, {
        operands: command.args,
        options: command.optsWithGlobals(),
      });
    });

  withStore(
    add(
      program,
      'daemon',
      async () => (await import('./commands/daemon.ts')).daemon,
    ),
    'the store in the state directory',
  )
    .summary('serve a store over gRPC')
    .description(
      'Serves a store over gRPC, with reflection and health, until SIGINT or SIGTERM.',
    )
    .option(
      '-l, --listen-address <address...>',
      'where to listen: 127.0.0.1:8000 or [::1]:8000, /path or ./path of a unix socket, @name of an abstract one, stdio, sd-listen, sd-listen-unix (default: port 8000 on both loopback addresses)',
    )
    .option(
      '--admin <where>',
      'where gc, verify, stats, pin and delete work through it: none, unix (unix sockets in the file system), local (those and loopback) or all (default: local)',
    )
    .option(
      '--scrub-rate <size>',
      'look for damage in the background, reading so much a second; 0 for not at all (default: 8M)',
    )
    .option(
      '--scrub-interval <time>',
      'from one look at everything to the next (default: 30d)',
    )
    .option(
      '--http-listen <address...>',
      'serve a Nix binary cache there: HOST:PORT or /path of a unix socket',
    )
    .option(
      '--http-tokens <file>',
      'who may read and write it, a line each: NAME SCOPES sha256:HEX (default: everybody reads, loopback writes)',
    )
    .option('--http-tls-cert <file>', 'certificate chain, to serve it over TLS')
    .option('--http-tls-key <file>', 'key of the certificate')
    .option('--http-url <url>', 'its address, as its pages tell people')
    .option(
      '--http-state <directory>',
      'where logs, realisations and names of uploaded files are kept (default: the local store; in memory for any other)',
    )
    .option('--priority <number>', 'its priority among caches (default: 30)')
    .option(
      '--no-mass-query',
      'tell clients not to ask it for many paths at a time',
    )
    .option(
      '--upstream <url...>',
      'binary caches that lacking paths are fetched from; ?trusted-public-keys=… and ?priority=… may follow',
    )
    .option('--netrc-file <file>', 'logins for the upstreams')
    .option(
      '--sign-key <file...>',
      'sign what was uploaded and verified with these keys',
    )
    .option(
      '--trusted-public-key <key...>',
      'keys whose signatures count, of uploads and of upstreams',
    )
    .option(
      '--require-trusted-signature',
      'refuse uploads that no trusted key has signed',
    )
    .addHelpText(
      'after',
      examples(
        'tvix-store daemon',
        'tvix-store daemon --store local:/srv/store -l 0.0.0.0:8000 -l /run/tvix-store.sock',
        'tvix-store daemon --http-listen 127.0.0.1:8080 --upstream https://cache.nixos.org',
      ),
    );

  withStore(
    add(
      program,
      'import [path...]',
      async () => (await import('./commands/import.ts')).importPaths,
    ),
  )
    .summary('take files and directories into the store')
    .description(
      'Takes files, directories and symbolic links into the store and prints the store path of each when it is there. Files that have not changed since they were imported into the same store are not read again.',
    )
    .option(
      '--no-file-cache',
      'read every file, and remember nothing in the cache directory',
    )
    .addHelpText(
      'after',
      examples(
        'tvix-store import ./result',
        'tvix-store import --store local:/srv/store a b c',
      ),
    );

  withStore(
    add(
      program,
      'export <store-path> <destination>',
      async () => (await import('./commands/export.ts')).exportPath,
    ),
  )
    .summary('write a store path to disk')
    .description(
      'Writes the tree of a store path to a destination that does not exist yet.',
    );

  withStore(
    add(program, 'list', async () => (await import('./commands/list.ts')).list),
  )
    .summary('print every store path in the store')
    .description('Prints every store path in the store, one a line.');

  withStore(
    add(
      program,
      'info <store-path>',
      async () => (await import('./commands/info.ts')).info,
    ),
  )
    .summary('print what is known of a store path')
    .description(
      'Prints what the store knows of a store path, as a narinfo says it.',
    );

  withStore(
    add(
      program,
      'ls <store-path[/sub]>',
      async () => (await import('./commands/ls.ts')).ls,
    ),
  )
    .summary('list what is in a store path')
    .description('Lists a store path, or a directory or file in it.')
    .option('-R, --recursive', 'list everything below, too')
    .option('-l, --long', 'tell modes, sizes and targets')
    .addHelpText(
      'after',
      examples(
        'tvix-store ls /nix/store/…-hello/bin',
        'tvix-store ls -R --json …-hello',
      ),
    );

  withStore(
    add(
      program,
      'cat <store-path/sub>',
      async () => (await import('./commands/cat.ts')).cat,
    ),
  )
    .summary('print a file in a store path')
    .description('Prints the contents of a file in a store path.');

  add(
    program,
    'copy [store-path...]',
    async () => (await import('./commands/copy.ts')).copy,
  )
    .summary('copy store paths between stores')
    .description(
      'Copies store paths with all that they refer to from one store to another; what is there already is not sent again.',
    )
    .requiredOption('--from <address>', 'store to copy from')
    .requiredOption('--to <address>', 'store to copy to')
    .option('--all', 'copy every store path')
    .addHelpText(
      'after',
      examples(
        'tvix-store copy --from local:/srv/store --to grpc+http://[::1]:8000 --all',
      ),
    );

  addViewCommands(program, add);
  addCareCommands(program, add);
  addCastoreCommands(program, add);
  addNarCommands(program, add);
  return program;
}

function logLevelArgument(text: string): LogLevel {
  const level = parseLogLevel(text);
  if (level === undefined)
    throw new InvalidArgumentError(
      `expected ${LOG_LEVELS.join(', ')}, or 1 to 5`,
    );
  return level;
}

const PROGRAM_NOTES = `
Addresses of stores:
  local:/abs/dir               a store on this disk, of one process at a time
  grpc+http://host:port        a daemon; also grpc+https://host:port, grpc+unix:///path
  memory:                      a store that ends with the process
  nix+https://host/prefix      path infos of a Nix binary cache, fetched when asked for; ?trusted-public-keys=… may follow

Results go to standard output, one a line; logs and progress to standard error. Names are printed as the bytes that they
are; in JSON, a byte XX that is no UTF-8 becomes \\udcXX. Exit codes: 0 done, 1 failed, 2 wrong usage.

Examples:
  tvix-store daemon --store local:$HOME/store
  tvix-store import ./result
  tvix-store ls -R /nix/store/…-result
  tvix-store nar dump ./result | sha256sum
`;
