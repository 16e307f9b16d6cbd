import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { createConnection, createServer } from 'node:net';
import type { ListenOptions, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { line, PROGRAM, tvixStore } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';

const scratch = scratchFolder();
const file = join(scratch.path, 'file');

beforeAll(() => {
  mkdirSync(scratch.path, { recursive: true });
  writeFileSync(file, 'contents');
});
afterAll(() => scratch.remove());

interface StartOptions {
  /** Runs the daemon, which is `"$@"`. */
  readonly script?: string;
  readonly env?: Record<string, string>;
}

/** The shell that becomes the daemon writes its own process id, as a service manager would. */
const ACTIVATED: StartOptions = {
  script: 'LISTEN_PID=$$ exec "$@"',
  env: { LISTEN_FDS: '1' },
};

/** Starts a daemon over memory, and waits until it listens. */
async function start(
  form: string,
  stdio: StdioOptions,
  { script = 'exec "$@"', env = {} }: StartOptions = {},
): Promise<ChildProcess> {
  const child = spawn(
    'sh',
    [
      '-c',
      script,
      'sh',
      process.execPath,
      PROGRAM,
      '--json',
      'daemon',
      '--store',
      'memory:',
      '-l',
      form,
    ],
    { stdio, env: { ...process.env, ...env } },
  );
  for await (const record of createInterface({ input: child.stderr! }))
    if (/"msg":"listening"/.test(record)) return child;
  throw new Error(`the daemon did not start on ${form}`);
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  return child.exitCode ?? (await once(child, 'exit'))[0];
}

async function listening(options: ListenOptions): Promise<Server> {
  const server = createServer().listen(options);
  await once(server, 'listening');
  return server;
}

/** The file descriptor of a server that listens, to be handed to another process. */
function descriptorOf(server: Server): number {
  return (server as unknown as { _handle: { fd: number } })._handle.fd;
}

/** Asks the health service over one connection. */
async function isServing(connection: Duplex): Promise<boolean> {
  const session = connect('http://localhost', {
    createConnection: () => connection,
  });
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.end(Buffer.alloc(5));
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [trailers] = await once(stream, 'trailers');
  await once(stream, 'close');
  session.close();
  return (
    trailers['grpc-status'] === '0' &&
    Buffer.concat(chunks).equals(Buffer.from([0, 0, 0, 0, 2, 8, 1]))
  );
}

describe('a daemon under a service manager', () => {
  it.each(['sd-listen', 'SD_LISTEN'])(
    'serves on the TCP socket that it is handed (%s)',
    async (form) => {
      const server = await listening({ host: '127.0.0.1', port: 0 });
      const { port } = server.address() as { port: number };
      const child = await start(
        form,
        ['ignore', 'ignore', 'pipe', descriptorOf(server)],
        ACTIVATED,
      );
      server.close();
      const store = `grpc+http://127.0.0.1:${port}`;
      expect(await line(tvixStore(['import', '--store', store, file]))).toMatch(
        /-file$/,
      );
      child.kill('SIGTERM');
      expect(await exitCode(child)).toBe(0);
    },
  );

  it.each(['sd-listen-unix', 'sd_listen_unix'])(
    'serves on the unix socket that it is handed (%s)',
    async (form) => {
      const bound = join(scratch.path, form);
      const path = `${bound}-of-the-manager`;
      const server = await listening({ path: bound });
      // Closing our end removes the file; leaving it open would let us accept what the daemon should.
      linkSync(bound, path);
      const child = await start(
        form,
        ['ignore', 'ignore', 'pipe', descriptorOf(server)],
        ACTIVATED,
      );
      server.close();
      const store = `grpc+unix://${path}`;
      expect(await line(tvixStore(['import', '--store', store, file]))).toMatch(
        /-file$/,
      );
      child.kill('SIGTERM');
      expect(await exitCode(child)).toBe(0);
    },
  );

  it('refuses a socket of the other family', async () => {
    const server = await listening({ host: '127.0.0.1', port: 0 });
    const child = spawn(
      'sh',
      [
        '-c',
        'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"',
        'sh',
        process.execPath,
        PROGRAM,
        'daemon',
        '--store',
        'memory:',
        '-l',
        'sd-listen-unix',
      ],
      { stdio: ['ignore', 'ignore', 'ignore', descriptorOf(server)] },
    );
    expect(await exitCode(child)).toBe(1);
    server.close();
  });

  it.each<[string, Record<string, string>]>([
    ['no socket was handed over', {}],
    ['the sockets are for another', { LISTEN_PID: '1', LISTEN_FDS: '1' }],
  ])('fails where %s', async (_what, env) => {
    const { code, stderr } = await tvixStore(
      ['daemon', '--store', 'memory:', '-l', 'sd-listen'],
      { env },
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/LISTEN_PID/);
  });
});

describe('a daemon on standard input and output', () => {
  it.each([
    ['two pipes', 'stdio', 'cat | "$@" | cat'],
    ['two pipes', 'INETD', 'cat | "$@" | cat'],
    ['two pipes', '-', 'cat | "$@" | cat'],
    ['one socket, as inetd passes it', 'inetd', 'exec "$@"'],
  ])(
    'serves one connection on %s, and ends with it (%s)',
    async (_what, form, script) => {
      const path = join(scratch.path, `connection-${form}`);
      const server = await listening({ path });
      const connection = createConnection(path);
      const [accepted] = (await once(server, 'connection')) as [Socket];
      accepted.pause();
      const child = await start(form, [accepted, accepted, 'pipe'], { script });
      accepted.destroy();
      expect(await isServing(connection)).toBe(true);
      connection.destroy();
      expect(await exitCode(child)).toBe(0);
      server.close();
    },
  );
});
