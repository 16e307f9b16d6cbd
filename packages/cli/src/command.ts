import type { GivenFlags, ServiceAddresses } from './config.ts';
import type { Logger } from './logging.ts';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';

/** What every command gets to work with. */
export interface CommandContext {
  /** Standard output, for results alone. */
  readonly output: Output;
  /** Whether results are JSON, one value a line. */
  readonly json: boolean;
  readonly logger: Logger;
  /** Records a detail. Where nobody asked for those, the logger isn't made for it, which takes as long as opening a store. */
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  readonly progress: Progress;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The flags that name stores. */
  readonly storeFlags: GivenFlags;
  /** The addresses of the three services, where nothing names others. */
  addresses(defaultStore: string): ServiceAddresses;
  /** Tells the user of a failure that the command survives. */
  reportFailure(error: unknown): void;
}

/** What a command was called with. */
export interface Invocation {
  /** The operands, without options. */
  readonly operands: readonly string[];
  /** The options by the camel-cased names of their flags. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * A command: resolves when all is done, rejects with what went wrong. One that runs another program resolves with its exit
 * status, which becomes the exit code.
 */
export type Command = (
  context: CommandContext,
  invocation: Invocation,
) => Promise<number | void>;
