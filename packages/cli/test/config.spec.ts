import { describe, expect, it } from '@jest/globals';
import { pathToFileURL } from 'node:url';
import {
  defaultClientStore,
  defaultDaemonStore,
  localAddress,
  resolveAddresses,
  variablesBesideStoreFlag,
} from '../src/config.ts';

const DEFAULT = 'local:/default';

function same(address: string): Record<string, string> {
  return { blobs: address, directories: address, pathInfos: address };
}

describe('the addresses of the services', () => {
  it('are the default where nothing is said', () => {
    expect(resolveAddresses({}, {}, DEFAULT)).toEqual(same(DEFAULT));
  });

  it('are all three set by --store', () => {
    expect(resolveAddresses({ store: 'memory:' }, {}, DEFAULT)).toEqual(
      same('memory:'),
    );
  });

  it('are all three set by TVIX_STORE', () => {
    expect(resolveAddresses({}, { TVIX_STORE: 'memory:' }, DEFAULT)).toEqual(
      same('memory:'),
    );
  });

  it('come from the flag rather than from the environment', () => {
    expect(
      resolveAddresses({ store: 'memory:' }, { TVIX_STORE: 'local:/a' }, ''),
    ).toEqual(same('memory:'));
    expect(
      resolveAddresses(
        { 'blob-service-addr': 'memory:' },
        { BLOB_SERVICE_ADDR: 'local:/a' },
        DEFAULT,
      ).blobs,
    ).toBe('memory:');
  });

  it.each([
    ['blobs', 'blob-service-addr', 'BLOB_SERVICE_ADDR'],
    ['directories', 'directory-service-addr', 'DIRECTORY_SERVICE_ADDR'],
    ['pathInfos', 'path-info-service-addr', 'PATH_INFO_SERVICE_ADDR'],
  ])('of %s is set apart by --%s and %s', (service, flag, variable) => {
    const expected = { ...same('local:/all'), [service]: 'local:/one' };
    const all = { store: 'local:/all' };
    expect(
      resolveAddresses({ ...all, [flag]: 'local:/one' }, {}, DEFAULT),
    ).toEqual(expected);
    expect(
      resolveAddresses(all, { [variable]: 'local:/one' }, DEFAULT),
    ).toEqual(expected);
  });

  it('are not set by empty variables', () => {
    expect(
      resolveAddresses({}, { TVIX_STORE: '', BLOB_SERVICE_ADDR: '' }, DEFAULT),
    ).toEqual(same(DEFAULT));
  });

  it('are worth a warning where a variable takes one from the store that a flag names', () => {
    const env = { BLOB_SERVICE_ADDR: 'memory:' };
    expect(variablesBesideStoreFlag({ store: 'local:/a' }, env)).toEqual([
      'BLOB_SERVICE_ADDR',
    ]);
    expect(variablesBesideStoreFlag({}, env)).toEqual([]);
    expect(
      variablesBesideStoreFlag(
        { store: 'local:/a', 'blob-service-addr': 'local:/b' },
        env,
      ),
    ).toEqual([]);
  });
});

describe('the default store', () => {
  it('of the daemon is in XDG_STATE_HOME', () => {
    expect(defaultDaemonStore({ XDG_STATE_HOME: '/state', HOME: '/h' })).toBe(
      'local:/state/tvix-store',
    );
  });

  it('of the daemon is in ~/.local/state where XDG_STATE_HOME is not set', () => {
    for (const env of [{ HOME: '/h' }, { HOME: '/h', XDG_STATE_HOME: '' }])
      expect(defaultDaemonStore(env)).toBe('local:/h/.local/state/tvix-store');
  });

  it('of every other command is the daemon on this machine', () => {
    expect(defaultClientStore()).toMatch(
      /^grpc\+http:\/\/(\[::1\]|127\.0\.0\.1):8000$/,
    );
  });
});

describe('localAddress', () => {
  it('survives characters that mean something in a URL', () => {
    const directory = '/a dir/50%/#1?/ü';
    const address = localAddress(directory);
    expect(decodeURIComponent(new URL(address).pathname)).toBe(directory);
    expect(address).toBe(`local:${pathToFileURL(directory).pathname}`);
  });
});
