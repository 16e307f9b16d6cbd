import { describe, expect, it } from '@jest/globals';
import { inheritedSocket } from '../../src/daemon/inherited.ts';

describe('a socket of the service manager', () => {
  it('is file descriptor 3', () => {
    expect(inheritedSocket({ LISTEN_PID: '42', LISTEN_FDS: '1' }, 42)).toBe(3);
    expect(inheritedSocket({ LISTEN_PID: '42', LISTEN_FDS: '2' }, 42)).toBe(3);
  });

  it.each([
    {},
    { LISTEN_FDS: '1' },
    { LISTEN_PID: '42' },
    { LISTEN_PID: '41', LISTEN_FDS: '1' },
    { LISTEN_PID: '042', LISTEN_FDS: '1' },
    { LISTEN_PID: '42', LISTEN_FDS: '0' },
    { LISTEN_PID: '42', LISTEN_FDS: '-1' },
    { LISTEN_PID: '42', LISTEN_FDS: 'one' },
  ])('is not there with %j', (env) => {
    expect(() => inheritedSocket(env, 42)).toThrow(
      expect.objectContaining({ code: 'cli/socket-activation' }),
    );
  });
});
