import { describe, expect, it } from '@jest/globals';
import {
  formatListenAddress,
  isWiderThanLoopback,
  parseListenAddress,
} from '../../src/daemon/listen-address.ts';
import type { ListenAddress } from '../../src/daemon/listen-address.ts';

const TCP_INHERITED = { type: 'inherited', family: 'tcp' } as const;
const UNIX_INHERITED = { type: 'inherited', family: 'unix' } as const;

const FORMS: readonly (readonly [string, ListenAddress])[] = [
  ['/run/socket', { type: 'unix', path: '/run/socket' }],
  ['./socket', { type: 'unix', path: './socket' }],
  ['/a:1', { type: 'unix', path: '/a:1' }],
  ['@name', { type: 'abstract', name: 'name' }],
  ['@127.0.0.1:1', { type: 'abstract', name: '127.0.0.1:1' }],
  ['-', { type: 'stdio' }],
  ['stdio', { type: 'stdio' }],
  ['STDIO', { type: 'stdio' }],
  ['inetd', { type: 'stdio' }],
  ['Inetd', { type: 'stdio' }],
  ['sd-listen', TCP_INHERITED],
  ['sd_listen', TCP_INHERITED],
  ['SD-Listen', TCP_INHERITED],
  ['sd-listen-unix', UNIX_INHERITED],
  ['sd_listen_unix', UNIX_INHERITED],
  ['SD_LISTEN_UNIX', UNIX_INHERITED],
  ['127.0.0.1:8000', { type: 'tcp', host: '127.0.0.1', port: 8000 }],
  ['0.0.0.0:0', { type: 'tcp', host: '0.0.0.0', port: 0 }],
  ['[::1]:8000', { type: 'tcp', host: '::1', port: 8000 }],
  ['[::]:65535', { type: 'tcp', host: '::', port: 65535 }],
  ['[fe80::1%lo]:1', { type: 'tcp', host: 'fe80::1%lo', port: 1 }],
];

describe('a listen address', () => {
  it.each(FORMS)('%s is read', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
  });

  it.each([
    '',
    '@',
    'localhost:8000',
    'example.org:80',
    '8000',
    ':8000',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '127.0.0.1: 1',
    '127.0.0.1:8000x',
    '127.0.0.01:1',
    '256.0.0.1:1',
    '::1:8000',
    '[::1]',
    '[127.0.0.1]:8000',
    '[::1:8000',
    'socket',
    '../socket',
    'sd-listen-tcp',
  ])('"%s" is refused', (text) => {
    expect(() => parseListenAddress(text)).toThrow(
      expect.objectContaining({ code: 'cli/usage' }),
    );
  });

  it.each([
    '127.0.0.1:8000',
    '[::1]:8000',
    '/run/socket',
    '@name',
    'stdio',
    'sd-listen',
    'sd-listen-unix',
  ])('%s is written as it is read', (text) => {
    expect(formatListenAddress(parseListenAddress(text))).toBe(text);
  });
});

describe('isWiderThanLoopback', () => {
  it.each([
    '127.0.0.1',
    '127.8.9.10',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
  ])('is false for %s', (host) =>
    expect(isWiderThanLoopback(host)).toBe(false),
  );

  it.each([
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '192.168.1.1',
    'fe80::1',
    '::ffff:10.0.0.1',
  ])('is true for %s', (host) => expect(isWiderThanLoopback(host)).toBe(true));
});
