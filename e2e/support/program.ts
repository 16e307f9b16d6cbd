import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CACHE_HOME } from './cache-home.ts';

/** The built program, as it would be installed. */
export const PROGRAM = fileURLToPath(
  new URL('../../packages/cli/dist/main.js', import.meta.url),
);

export interface Finished {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: Uint8Array;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

/** Runs a program to its end. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: 'pipe',
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({
        code,
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString(),
      });
    });
    child.stdin.on('error', () => {}); // a program may end without reading all of its input
    child.stdin.end(options.input);
  });
}

/** Runs `tvix-store` to its end. */
export function tvixStore(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const env = { XDG_CACHE_HOME: CACHE_HOME, ...options.env };
  return runProgram(process.execPath, [PROGRAM, ...args], { ...options, env });
}

/** Runs a program that has to succeed, and answers what it printed. */
export async function output(run: Promise<Finished>): Promise<Buffer> {
  const { code, stdout, stderr } = await run;
  if (code !== 0) throw new Error(`exit code ${code}\n${stderr}`);
  return stdout;
}

/** The same as one line of text. */
export async function line(run: Promise<Finished>): Promise<string> {
  return (await output(run)).toString().trimEnd();
}
