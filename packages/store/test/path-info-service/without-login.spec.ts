import { describe, expect, it } from '@jest/globals';
import { withoutLogin } from '../../src/path-info-service/without-login.ts';

describe('a URL without its login', () => {
  it.each([
    ['http://me:secret@host/a?b', 'http://host/a?b'],
    ['nix+https://secret@host:8443', 'nix+https://host:8443'],
    ['http://me:a@b@host/', 'http://host/'],
    ['http://host/a@b', 'http://host/a@b'],
    ['http://host?q=me:x@y', 'http://host?q=me:x@y'],
    ['local:/srv/me@home', 'local:/srv/me@home'],
    ['memory:', 'memory:'],
  ])('of %s is %s', (url, shown) => {
    expect(withoutLogin(url)).toBe(shown);
  });
});
