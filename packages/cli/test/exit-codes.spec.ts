import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CastoreError } from '@tvix/castore';
import { CliError } from '../src/errors.ts';
import { exitCodeOf } from '../src/exit-codes.ts';
import { runProgram } from '../src/program.ts';

describe('the exit code', () => {
  it('of a failure is 1', () => {
    for (const error of [
      new CliError('cli/not-found', ''),
      new CastoreError('castore/io', ''),
      new Error('bug'),
      undefined,
      'text',
    ])
      expect(exitCodeOf(error)).toBe(1);
  });

  it('of wrong usage is 2', () => {
    expect(exitCodeOf(new CliError('cli/usage', ''))).toBe(2);
    expect(exitCodeOf(new CastoreError('castore/invalid-address', ''))).toBe(2);
  });
});

describe('a command line', () => {
  let written: string;
  const { stdout, stderr } = process;
  const write = { stdout: stdout.write, stderr: stderr.write };
  beforeEach(() => {
    written = '';
    stdout.write = stderr.write = (text: unknown): boolean => {
      written += String(text);
      return true;
    };
  });
  afterEach(() => {
    stdout.write = write.stdout;
    stderr.write = write.stderr;
  });

  it.each([
    ['an unknown command', ['nope']],
    ['no command', []],
    ['an unknown option', ['--nope', 'list']],
    ['an unknown option of a command', ['list', '--nope']],
    ['an option without its value', ['list', '--store']],
    ['a missing operand', ['info']],
    ['an operand too many', ['list', 'one']],
    ['an unknown log level', ['--log-level', 'loud', 'list']],
    ['an unknown command of a group', ['nar', 'nope']],
    ['a group without a command', ['castore']],
    ['a missing required option', ['copy', '--all', '--from', 'memory:']],
  ])('with %s ends with 2', async (_what, args) => {
    expect(await runProgram(args, {})).toBe(2);
    expect(written).not.toBe('');
  });

  it.each([
    ['--version', /^0\.\d+\.\d+\n$/],
    ['--help', /Usage: tvix-store/],
  ])('of %s ends with 0', async (flag, text) => {
    expect(await runProgram([flag], {})).toBe(0);
    expect(written).toMatch(text);
  });

  it.each(['daemon', 'import', 'copy', 'nar dump', 'castore put'])(
    'of %s --help ends with 0, and tells its options',
    async (command) => {
      expect(await runProgram([...command.split(' '), '--help'], {})).toBe(0);
      expect(written).toMatch(`Usage: tvix-store ${command}`);
    },
  );
});
