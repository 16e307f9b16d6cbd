import { describe, expect, it } from '@jest/globals';
import { CastoreError } from '@tvix/castore';
import { defaultClientStore, resolveAddresses } from '../src/config.ts';
import { addressOfDaemon, explainStoreFailure } from '../src/store-failure.ts';

const LOCAL = resolveAddresses({ store: 'local:/a' }, {}, '');
const DEFAULT = resolveAddresses({}, {}, defaultClientStore());

function daemonAt(...args: string[]): string | undefined {
  return addressOfDaemon(1, () => ['node', 'main.js', ...args, ''].join('\0'));
}

describe('the address of a daemon, by its command line', () => {
  it.each([
    [['daemon'], defaultClientStore()],
    [['daemon', '-l', '127.0.0.1:99'], 'grpc+http://127.0.0.1:99'],
    [['daemon', '--listen-address', '[::1]:99'], 'grpc+http://[::1]:99'],
    [['daemon', '-l', '0.0.0.0:99'], 'grpc+http://127.0.0.1:99'],
    [['daemon', '-l', '[::]:99'], 'grpc+http://[::1]:99'],
    [['--json', 'daemon', '-l', '/run/s'], 'grpc+unix:///run/s'],
    [['daemon', '--listen-address=127.0.0.1:99'], 'grpc+http://127.0.0.1:99'],
    [['daemon', '-l/run/s'], 'grpc+unix:///run/s'],
    [['daemon', '-l', './s'], undefined],
    [['daemon', '-l', '@s'], undefined],
    [['daemon', '-l', 'sd-listen'], undefined],
    [['daemon', '-l', 'nonsense'], undefined],
    [['daemon', '-l'], undefined],
    [['import', 'a'], undefined],
  ])('of %j is %s', (args, address) => {
    expect(daemonAt(...args)).toBe(address);
  });

  it('is unknown where the process cannot be looked at', () => {
    expect(
      addressOfDaemon(1, () => {
        throw new Error('ENOENT');
      }),
    ).toBeUndefined();
    expect(addressOfDaemon(undefined)).toBeUndefined();
  });
});

describe('a failure to reach a store', () => {
  it('that is locked keeps the holder in its message, and its cause', () => {
    const error = new CastoreError('castore/store-locked', 'held by 5', {
      details: { holder: { pid: -1 } },
    });
    expect(explainStoreFailure(error, LOCAL)).toMatchObject({
      code: 'cli/store-in-use',
      message: 'held by 5',
      cause: error,
    });
  });

  it('at the default address says how to start a daemon', () => {
    const error = new CastoreError('castore/unavailable', 'refused');
    expect(explainStoreFailure(error, DEFAULT)).toMatchObject({
      code: 'cli/no-daemon',
      message: expect.stringContaining('tvix-store daemon'),
    });
  });

  it('counts before what closing it failed with afterwards', () => {
    const error = new CastoreError('castore/store-locked', 'held by 5');
    const both = Object.assign(new Error('both'), {
      name: 'SuppressedError',
      error: new Error('closing failed'),
      suppressed: error,
    });
    expect(explainStoreFailure(both, LOCAL)).toMatchObject({
      code: 'cli/store-in-use',
      cause: error,
    });
  });

  it('anywhere else stays what it is', () => {
    const error = new CastoreError('castore/unavailable', 'refused');
    expect(explainStoreFailure(error, LOCAL)).toBe(error);
    expect(explainStoreFailure('text', DEFAULT)).toBe('text');
    expect(explainStoreFailure(undefined, DEFAULT)).toBeUndefined();
  });
});
