import { describe, expect, it } from '@jest/globals';
import {
  checkMemoryAddress,
  parseAddress,
  parseGrpcAddress,
  parseLocalAddress,
} from '../../src/address/grammar.ts';

const invalid = expect.objectContaining({ code: 'castore/invalid-address' });

describe('parseAddress', () => {
  it.each(['', 'memory', '/var/lib/store', '://', 'grpc+http://:80'])(
    'refuses %j, which is no URL',
    (text) => {
      expect(() => parseAddress(text)).toThrow(invalid);
    },
  );

  it('takes schemes in any case', () => {
    expect(parseAddress('MEMORY:').scheme).toBe('memory');
    expect(parseAddress('Grpc+Http://localhost').scheme).toBe('grpc+http');
  });

  it.each(['sled:', 'sled://', 'sled:///var/lib/blobs.sled'])(
    'refuses %s and says what to use',
    (text) => {
      expect(() => parseAddress(text)).toThrow(/local:\/abs\/dir/);
      expect(() => parseAddress(text)).toThrow(invalid);
    },
  );

  it('leaves schemes of other packages to them', () => {
    const { scheme, url } = parseAddress(
      'nix+https://cache.nixos.org?trusted-public-keys=k',
    );
    expect(scheme).toBe('nix+https');
    expect(url.searchParams.get('trusted-public-keys')).toBe('k');
  });
});

describe('checkMemoryAddress', () => {
  const check = (text: string): void => checkMemoryAddress(parseAddress(text));

  it.each(['memory:', 'memory://', 'memory://?ignored=1'])(
    'takes %s',
    (text) => {
      expect(() => check(text)).not.toThrow();
    },
  );

  it.each(['memory://foo', 'memory:///', 'memory:///foo', 'memory:foo'])(
    'refuses %s',
    (text) => {
      expect(() => check(text)).toThrow(invalid);
    },
  );
});

describe('parseLocalAddress', () => {
  const parse = (text: string): string | undefined =>
    parseLocalAddress(parseAddress(text));

  it.each(['local:', 'local://'])('takes %s as a temporary store', (text) => {
    expect(parse(text)).toBeUndefined();
  });

  it.each([
    ['local:/var/lib/store', '/var/lib/store'],
    ['local:///var/lib/store', '/var/lib/store'],
    ['local:/a b/ü', '/a b/ü'],
    ['local:/a%20b/%25', '/a b/%'],
    ['local:/a?option=ignored', '/a'],
  ])('takes %s', (text, path) => {
    expect(parse(text)).toBe(path);
  });

  it.each([
    'local:/',
    'local:///',
    'local:relative/dir',
    'local://foo.example',
    'local://foo.example/var/lib/store',
    'local:/a%00b',
    'local:/a%ffb',
  ])('refuses %s', (text) => {
    expect(() => parse(text)).toThrow(invalid);
  });
});

describe('parseGrpcAddress', () => {
  const parse = (text: string): ReturnType<typeof parseGrpcAddress> =>
    parseGrpcAddress(parseAddress(text));

  it.each(['', '?wait-connect=0', '?wait-connect=true', '?other=1'])(
    'takes a unix socket with %j and connects when used',
    (query) => {
      expect(parse(`grpc+unix:///path/to/somewhere${query}`)).toEqual({
        endpoint: { type: 'unix', path: '/path/to/somewhere' },
        waitConnect: false,
      });
    },
  );

  it('takes wait-connect=1', () => {
    expect(parse('grpc+unix:/path/to/somewhere?wait-connect=1')).toEqual({
      endpoint: { type: 'unix', path: '/path/to/somewhere' },
      waitConnect: true,
    });
    expect(parse('grpc+http://localhost?wait-connect=1').waitConnect).toBe(
      true,
    );
  });

  it.each([
    ['grpc+http://[::1]:12345', '[::1]', 12345, false],
    ['grpc+http://localhost', 'localhost', 80, false],
    ['grpc+https://localhost', 'localhost', 443, true],
    ['grpc+https://localhost:8000?wait-connect=0', 'localhost', 8000, true],
  ])('takes %s', (text, host, port, tls) => {
    expect(parse(text)).toEqual({
      endpoint: { type: 'tcp', host, port, tls },
      waitConnect: false,
    });
  });

  it.each([
    'grpc+unix://host.example/path/to/somewhere',
    'grpc+unix:',
    'grpc+unix:///',
    'grpc+http://localhost/some-path',
    'grpc+http://localhost/',
    'grpc+http:',
    'grpc+http://user@localhost',
    'grpc+ftp://localhost',
    'http://foo.example/test',
  ])('refuses %s', (text) => {
    expect(() => parse(text)).toThrow(invalid);
  });
});
