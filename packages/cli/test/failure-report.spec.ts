import { describe, expect, it } from '@jest/globals';
import { CliError } from '../src/errors.ts';
import { failureReport } from '../src/failure-report.ts';

describe('the report of a failure', () => {
  it('is its message and the messages of its causes', () => {
    const error = new CliError('cli/io', 'cannot read', {
      cause: new Error('disk', { cause: new Error('cable') }),
    });
    expect(failureReport(error)).toBe(
      'error: cannot read\n  cause: disk\n  cause: cable',
    );
  });

  it('tells nothing twice', () => {
    const error = new CliError('cli/io', 'cannot read: disk', {
      cause: new Error('disk'),
    });
    expect(failureReport(error)).toBe('error: cannot read: disk');
  });

  it('leaves out causes that add nothing to what there is to do', () => {
    const error = new CliError('cli/no-daemon', 'start one', {
      cause: new Error('ECONNREFUSED'),
    });
    expect(failureReport(error)).toBe('error: start one');
  });

  it('tells the code of a cause that says nothing else', () => {
    const cause = Object.assign(new Error(''), { code: 'ECONNREFUSED' });
    expect(failureReport(new CliError('cli/io', 'nobody', { cause }))).toBe(
      'error: nobody\n  cause: ECONNREFUSED',
    );
  });

  it('lets no terminal act on what others said', () => {
    const error = new CliError('cli/io', 'remote: \x1b[2J\x9b0m\r\n\tno');
    expect(failureReport(error)).toBe(
      'error: remote: \\x1b[2J\\x9b0m\\x0d\n\tno',
    );
  });

  it('shows the stack of a fault of the program', () => {
    expect(failureReport(new TypeError('bug'))).toMatch(
      /^error: TypeError: bug\n\s+at /,
    );
  });

  it.each(['text', 5, undefined, null])('copes with %p', (thrown) => {
    expect(typeof failureReport(thrown)).toBe('string');
  });
});
