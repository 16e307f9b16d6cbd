import { describe, expect, it } from '@jest/globals';
import { CliError } from '../src/errors.ts';
import { logRequestFailure } from '../src/log-request-failure.ts';
import { createLogger } from '../src/logging.ts';
import type { LoggerOptions } from '../src/logging.ts';
import { parseLogLevel } from '../src/log-level.ts';

function logged(
  log: (logger: ReturnType<typeof createLogger>) => void,
  options: Partial<LoggerOptions> = {},
): string {
  let text = '';
  log(
    createLogger({
      level: 'info',
      json: false,
      colours: false,
      write: (line) => void (text += line),
      ...options,
    }),
  );
  return text;
}

describe('a record for people', () => {
  it('lets no terminal act on what others said', () => {
    const text = logged((logger) =>
      logger.info(
        { path: '/\x9b2J', err: new CliError('cli/io', 'remote: \x1b[2J') },
        'failed',
      ),
    );
    expect(text).toContain('path=/\\x9b2J');
    expect(text).toContain('remote: \\x1b[2J');
  });
});

describe('a failed request of a mount', () => {
  const failed = (omitted: number): string =>
    logged((logger) =>
      logRequestFailure(logger)({
        operation: 'READ',
        error: new CliError('cli/io', 'the store is dead'),
        omitted,
      }),
    );

  it('is logged with its reason, and how many others were not', () => {
    expect(failed(0)).toMatch(/operation=READ/);
    expect(failed(0)).toContain('the store is dead');
    expect(failed(0)).not.toContain('omitted');
    expect(failed(7)).toContain('omitted=7');
  });
});

describe('a log level', () => {
  it.each([
    ['error', 'error'],
    ['WARN', 'warn'],
    ['Info', 'info'],
    ['1', 'error'],
    ['2', 'warn'],
    ['3', 'info'],
    ['4', 'debug'],
    ['5', 'trace'],
  ])('%s is read', (text, level) => {
    expect(parseLogLevel(text)).toBe(level);
  });

  it.each(['', '0', '6', 'loud', '1.0', 'warning'])('"%s" is none', (text) => {
    expect(parseLogLevel(text)).toBeUndefined();
  });
});

describe('a log record', () => {
  it('is a line for people', () => {
    expect(
      logged((logger) =>
        logger.info({ address: '[::1]:1', n: 2 }, 'listening'),
      ),
    ).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} info {2}listening address=\[::1\]:1 n=2\n$/,
    );
  });

  it('quotes values that would blur the line', () => {
    const line = logged((logger) => logger.warn({ a: 'b c', d: '' }, 'x'));
    expect(line).toMatch(/x a="b c" d=""\n$/);
  });

  it('is coloured only where that is wanted', () => {
    const log = (logger: ReturnType<typeof createLogger>): void =>
      logger.error('x');
    expect(logged(log)).not.toContain('\x1b');
    expect(logged(log, { colours: true })).toContain('\x1b[31m');
  });

  it('tells an error with its code and its causes', () => {
    const err = new CliError('cli/io', 'outer', { cause: new Error('inner') });
    const text = logged((logger) => logger.error({ err }, 'failed'));
    expect(text).toMatch(/outer/);
    expect(text).toMatch(/\(cli\/io\)/);
    expect(text).toMatch(/caused by:\n.*inner/);
  });

  it('is one JSON object a line with --json', () => {
    const err = Object.assign(new Error('outer', { cause: 'text' }), {
      code: 'a/b',
      details: { bytes: Buffer.from('name'), size: 5n },
    });
    const line = logged((logger) => logger.error({ err }, 'failed'), {
      json: true,
    });
    expect(line.endsWith('\n')).toBe(true);
    expect(JSON.parse(line)).toMatchObject({
      level: 'error',
      msg: 'failed',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      err: {
        name: 'Error',
        code: 'a/b',
        message: 'outer',
        stack: expect.stringContaining('outer'),
        details: { bytes: 'name', size: '5' },
        cause: 'text',
      },
    });
  });

  it('below the level is not written', () => {
    expect(logged((logger) => logger.debug('x'))).toBe('');
    expect(logged((logger) => logger.debug('x'), { level: 'debug' })).not.toBe(
      '',
    );
  });
});
