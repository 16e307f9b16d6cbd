import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { CastoreError } from '../../errors.ts';
import { errnoOf, ioFailure } from '../store-failure.ts';

/** Who holds a store, as its LOCK file tells for messages. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly bootId: string;
  readonly since: string;
}

/**
 * The exclusive hold on a store's directory, for as long as this process lives.
 *
 * Node has no flock. On Linux an abstract unix socket named after the directory's device and inode can be bound once
 * and vanishes with its process, however that ends; elsewhere a LOCK file whose process is gone is taken over. The
 * abstract name belongs to a network namespace: two containers that share a directory don't see each other's.
 */
export class StoreLock {
  readonly #file: string;
  readonly #server: net.Server | undefined;

  private constructor(file: string, server: net.Server | undefined) {
    this.#file = file;
    this.#server = server;
  }

  /** @throws CastoreError `castore/store-locked` naming the holder, `castore/io` */
  static async acquire(directory: string): Promise<StoreLock> {
    const file = path.join(directory, 'LOCK');
    const server =
      process.platform === 'linux'
        ? await bindName(directory, file)
        : undefined;
    if (server === undefined) assertHolderGone(directory, file);
    try {
      fs.writeFileSync(file, `${JSON.stringify(describeSelf())}\n`);
    } catch (error) {
      // A full disk must not keep a store shut: the name is what holds, the file only tells who.
      if (server === undefined) throw ioFailure(`cannot write ${file}`, error);
    }
    return new StoreLock(file, server);
  }

  async release(): Promise<void> {
    try {
      fs.rmSync(this.#file, { force: true });
    } catch (error) {
      // Where a name holds, the file only tells who; whoever comes next writes it anew.
      if (this.#server === undefined)
        throw ioFailure(`cannot remove ${this.#file}`, error);
    }
    const server = this.#server;
    if (server !== undefined)
      await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

async function bindName(directory: string, file: string): Promise<net.Server> {
  const { dev, ino } = fs.statSync(directory, { bigint: true });
  const server = net.createServer((socket) => socket.destroy());
  server.unref();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path: `\0tvix-castore-store:${dev}:${ino}` }, resolve);
    });
  } catch (error) {
    if (errnoOf(error) === 'EADDRINUSE') throw locked(directory, file, error);
    throw ioFailure(`cannot lock ${directory}`, error);
  }
  return server;
}

function assertHolderGone(directory: string, file: string): void {
  const holder = readHolder(file);
  if (holder === undefined || holder.pid === process.pid) return;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return;
  }
  throw locked(directory, file, undefined);
}

function locked(directory: string, file: string, cause: unknown): CastoreError {
  const holder = readHolder(file);
  const who =
    holder === undefined
      ? 'another process'
      : `process ${holder.pid} on ${holder.host} since ${holder.since}`;
  return new CastoreError(
    'castore/store-locked',
    `the store ${directory} is in use by ${who}; stop it, or talk to it instead of opening the store`,
    { cause, details: { directory, holder } },
  );
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Holder;
  } catch {
    // Only for the message: a missing or half-written file names nobody.
    return undefined;
  }
}

function describeSelf(): Holder {
  let bootId = '';
  try {
    bootId = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Not Linux.
  }
  return {
    pid: process.pid,
    host: os.hostname(),
    bootId,
    since: new Date().toISOString(),
  };
}
