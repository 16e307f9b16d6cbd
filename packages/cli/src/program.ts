import { writeSync } from 'node:fs';
import { CommanderError } from 'commander';
import type { Command, CommandContext, Invocation } from './command.ts';
import { createCommandLine } from './command-line.ts';
import type { LoadCommand } from './command-line/add-command.ts';
import { resolveAddresses, variablesBesideStoreFlag } from './config.ts';
import { EXIT_DONE, EXIT_USAGE, exitCodeOf } from './exit-codes.ts';
import { failureReport } from './failure-report.ts';
import { firstFailure } from './first-failure.ts';
import { LogOutput } from './log-output.ts';
import type { Logger, LogLevel } from './logging.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs the program with its arguments and answers the exit code; whatever fails has been reported then. */
export async function runProgram(
  args: readonly string[],
  env: Environment,
): Promise<number> {
  let exitCode = EXIT_DONE;
  const commandLine = createCommandLine(async (load, invocation) => {
    exitCode = await runCommand(load, invocation, env);
  });
  try {
    await commandLine.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError)
      return isAnswered(error) ? EXIT_DONE : EXIT_USAGE;
    writeSync(2, `${failureReport(error)}\n`);
    return exitCodeOf(error);
  }
  return exitCode;
}

/** Help or version were asked for and printed. */
function isAnswered({ code, exitCode }: CommanderError): boolean {
  return code !== 'commander.help' && exitCode === 0;
}

async function runCommand(
  load: LoadCommand,
  { operands, options }: Invocation,
  env: Environment,
): Promise<number> {
  const context = await createContext(options, env);
  try {
    const command: Command = await load();
    const status = await command(context, { operands, options });
    await context.output.flush();
    return status ?? EXIT_DONE;
  } catch (thrown) {
    const error = firstFailure(thrown);
    if (codeOf(error) === 'cli/output-closed') return EXIT_DONE;
    // What was found before the failure is still a result.
    await context.output.flush().catch(() => {});
    context.reportFailure(error);
    return exitCodeOf(error);
  } finally {
    context.progress.clear();
  }
}

async function createContext(
  options: Invocation['options'],
  env: Environment,
): Promise<CommandContext> {
  const [{ DescriptorOutput }, { createLogger }, { Progress }] =
    await Promise.all([
      import('./output.ts'),
      import('./logging.ts'),
      import('./progress.ts'),
    ]);
  const progress = new Progress();
  const json = options['json'] === true;
  const level = options['logLevel'] as LogLevel;
  const isTerminal = process.stderr.isTTY === true;
  const stderr = new LogOutput();
  process.once('exit', () => stderr.end());
  // Made with the first record: most commands write none.
  let logger: Logger | undefined;
  const theLogger = (): Logger =>
    (logger ??= createLogger({
      level,
      json,
      colours: isTerminal && !env['NO_COLOR'],
      write(line) {
        progress.clear();
        stderr.write(line);
      },
    }));
  stderr.onLost = (count) =>
    theLogger().warn(
      { count },
      'records were left out: nobody read them in time',
    );
  const storeFlags = storeFlagsOf(options);
  return {
    output: new DescriptorOutput(1),
    json,
    get logger() {
      return theLogger();
    },
    debug(fields, message) {
      if (level === 'debug' || level === 'trace')
        theLogger().debug(fields, message);
    },
    progress,
    env,
    storeFlags,
    addresses(defaultStore) {
      warnOfVariables(theLogger, storeFlags, env);
      return resolveAddresses(storeFlags, env, defaultStore);
    },
    reportFailure(error) {
      progress.clear();
      if (json) theLogger().error({ err: error }, 'failed');
      else stderr.write(`${failureReport(error)}\n`);
    },
  };
}

function storeFlagsOf(
  options: Invocation['options'],
): CommandContext['storeFlags'] {
  return {
    store: options['store'] as string | undefined,
    'blob-service-addr': options['blobServiceAddr'] as string | undefined,
    'directory-service-addr': options['directoryServiceAddr'] as
      string | undefined,
    'path-info-service-addr': options['pathInfoServiceAddr'] as
      string | undefined,
  };
}

function warnOfVariables(
  logger: () => Logger,
  flags: CommandContext['storeFlags'],
  env: Environment,
): void {
  for (const variable of variablesBesideStoreFlag(flags, env))
    logger().warn(
      { variable, value: env[variable] },
      'the environment sets a service beside --store',
    );
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | null)?.code;
}
