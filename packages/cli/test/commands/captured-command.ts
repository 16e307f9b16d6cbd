import type { Command, CommandContext } from '../../src/command.ts';
import { resolveAddresses } from '../../src/config.ts';
import { createLogger } from '../../src/logging.ts';
import type { Output } from '../../src/output.ts';
import { Progress } from '../../src/progress.ts';

/** What a command is called with in a test. */
export interface Call {
  readonly store: string;
  readonly operands?: readonly string[];
  readonly options?: Readonly<Record<string, unknown>>;
  readonly json?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Hears each line when it is printed. */
  readonly onLine?: () => void;
}

/** A command that has ended. */
export interface Ended {
  readonly lines: readonly string[];
  /** What it failed with; `undefined` where it didn't. */
  readonly error: unknown;
}

/** Runs a command in this process, and keeps what it prints. */
export async function call(
  command: Command,
  { store, operands = [], options = {}, json = false, env = {}, onLine }: Call,
): Promise<Ended> {
  const lines: string[] = [];
  const output: Output = {
    async line(text) {
      lines.push(
        typeof text === 'string' ? text : Buffer.from(text).toString(),
      );
      onLine?.();
    },
    json: (value) => output.line(JSON.stringify(value)),
    write: () => Promise.reject(new TypeError('no lines')),
    async flush() {},
  };
  const storeFlags = { store };
  const context: CommandContext = {
    output,
    json,
    logger: createLogger({
      level: 'error',
      json: true,
      colours: false,
      write: () => {},
    }),
    debug: () => {},
    progress: new Progress({ isTerminal: false, write: () => {} }),
    env,
    storeFlags,
    addresses: (defaultStore) => resolveAddresses(storeFlags, {}, defaultStore),
    reportFailure: () => {},
  };
  let error: unknown;
  try {
    await command(context, { operands, options });
  } catch (failure) {
    error = failure;
  }
  return { lines, error };
}
