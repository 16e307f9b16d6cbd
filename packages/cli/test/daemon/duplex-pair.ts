import { Duplex, PassThrough } from 'node:stream';

/** Two ends of one connection that exists in memory only. */
export function duplexPair(): [Duplex, Duplex] {
  const there = new PassThrough();
  const back = new PassThrough();
  return [
    Duplex.from({ readable: back, writable: there }),
    Duplex.from({ readable: there, writable: back }),
  ];
}
