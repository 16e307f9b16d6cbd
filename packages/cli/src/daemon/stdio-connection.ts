import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/**
 * The connection on standard input and output. A socket (as inetd passes it) is used as one; anything else is read from
 * the one and written to the other.
 */
export function stdioConnection(): Duplex {
  const input = fstatSync(0);
  const output = fstatSync(1);
  return input.isSocket() &&
    input.ino === output.ino &&
    input.dev === output.dev
    ? new Socket({ fd: 0, readable: true, writable: true })
    : Duplex.from({ readable: process.stdin, writable: process.stdout });
}
