import { describe, expect, it } from '@jest/globals';
import { NarError } from '../src/errors.ts';

describe('NarError', () => {
  it('is recognised by its brand, across copies of the package', () => {
    const foreign = Object.assign(new Error('x'), {
      [Symbol.for('@tvix/nar/error')]: true,
    });
    expect(foreign instanceof NarError).toBe(true);
    expect(new Error('x') instanceof NarError).toBe(false);
    expect((undefined as unknown) instanceof NarError).toBe(false);
  });

  it.each([
    ['nar/unexpected-eof', 'unexpected-eof'],
    ['nar/unordered-entries', 'invalid-data'],
    ['nar/invalid-narinfo', 'invalid-data'],
    ['nar/invalid-input', 'invalid-input'],
    ['nar/invalid-reference', 'invalid-input'],
    ['nar/unsupported-crypto', 'unsupported'],
  ] as const)('files %s under %s', (code, kind) => {
    expect(new NarError(code, 'message').kind).toBe(kind);
  });

  it('keeps its cause', () => {
    const cause = new Error('root');
    expect(new NarError('nar/invalid-hash', 'message', { cause }).cause).toBe(
      cause,
    );
    expect('cause' in new NarError('nar/invalid-hash', 'message')).toBe(false);
  });
});
