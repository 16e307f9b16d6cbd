import { spawn } from 'node:child_process';
import type { StdioOptions } from 'node:child_process';
import { once } from 'node:events';

/** How a helper program ended. */
export interface RunResult {
  /** `undefined` where it couldn't be started or a signal ended it. */
  readonly status: number | undefined;
  /** What it said on stderr, or why it couldn't be started. */
  readonly message: string;
}

/** Options of {@link run}. */
export interface RunOptions {
  /** Descriptors that the program gets from 3 on. */
  readonly descriptors?: readonly number[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a helper program, never blocking this thread: it may look at the mount that this process serves. */
export async function run(
  command: string,
  args: readonly string[],
  { descriptors = [], env = process.env }: RunOptions = {},
): Promise<RunResult> {
  const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', ...descriptors];
  const child = spawn(command, args, {
    stdio,
    // Messages of helper programs are told apart by their words.
    env: { ...env, LC_ALL: 'C' },
  });
  let message = '';
  child.stderr?.on('data', (chunk: Uint8Array) => {
    message += Buffer.from(chunk).toString();
  });
  try {
    const [status] = (await once(child, 'close')) as [number | null];
    return { status: status ?? undefined, message: message.trim() };
  } catch (error) {
    return { status: undefined, message: (error as Error).message };
  }
}
