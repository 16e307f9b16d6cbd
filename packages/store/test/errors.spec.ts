import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { STORE_ERROR_KINDS, StoreError } from '../src/errors.ts';

describe('StoreError', () => {
  it('carries code, kind, cause and details', () => {
    const cause = new RangeError('below');
    const error = new StoreError('store/path-not-found', 'no such path', {
      cause,
      details: { index: 1 },
    });
    expect(error).toMatchObject({
      name: 'StoreError',
      code: 'store/path-not-found',
      kind: 'missing',
      retryable: false,
      cause,
      details: { index: 1 },
    });
    expect('cause' in new StoreError('store/no-node', 'x')).toBe(false);
  });

  it('is recognised whichever copy of the package made it, and nothing else is', () => {
    const foreign: unknown = runInNewContext(
      `const error = new Error('x'); error[Symbol.for('@tvix/store/error')] = true; error`,
      { Symbol },
    );
    expect(foreign instanceof StoreError).toBe(true);
    for (const other of [
      new Error('x'),
      { code: 'store/no-node' },
      null,
      undefined,
      'store/no-node',
    ])
      expect(other instanceof StoreError).toBe(false);
  });

  it('has codes of one form', () => {
    for (const code of Object.keys(STORE_ERROR_KINDS))
      expect(code).toMatch(/^store\/[a-z0-9-]+$/);
  });
});
