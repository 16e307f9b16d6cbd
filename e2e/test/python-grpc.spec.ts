import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Daemon } from '../support/daemon.ts';
import { describeWith } from '../support/machine.ts';
import { line, output, runProgram } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';

const scratch = scratchFolder();
const generated = join(scratch.path, 'generated');
const python = fileURLToPath(new URL('../python', import.meta.url));
const protos = fileURLToPath(new URL('../../protos', import.meta.url));
/** Debian's own Python, which has Debian's gRPC; another may come first on the path. */
const PYTHON = '/usr/bin/python3';

async function generate(): Promise<void> {
  mkdirSync(generated);
  const files = [
    'tvix/castore/v1/castore.proto',
    'tvix/castore/v1/rpc_blobstore.proto',
    'tvix/castore/v1/rpc_directory.proto',
    'tvix/store/v1/pathinfo.proto',
    'tvix/store/v1/rpc_pathinfo.proto',
  ];
  await output(
    runProgram('protoc', [
      `-I${protos}`,
      `-I${python}`,
      `--python_out=${generated}`,
      `--grpc_out=${generated}`,
      '--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin',
      ...files,
      'reflection.proto',
    ]),
  );
}
afterAll(() => scratch.remove());

describeWith(
  ['protoc', 'python3-grpcio'],
  'a daemon, seen by another gRPC implementation',
  () => {
    beforeAll(generate);

    for (const store of ['memory:', 'local:']) {
      it(`answers every call over ${store} as the protocol says`, async () => {
        const isLocal = store === 'local:';
        const socket = join(
          scratch.path,
          `${isLocal ? 'local' : 'memory'}.sock`,
        );
        const backend = isLocal
          ? `local:${join(scratch.path, 'store')}`
          : store;
        await using _daemon = await Daemon.start([
          '--store',
          backend,
          '-l',
          socket,
        ]);
        const session = [
          join(python, 'session.py'),
          generated,
          `unix:${socket}`,
        ];
        if (isLocal) session.push('chunked');
        expect(await line(runProgram(PYTHON, session))).toBe('ok');
      });
    }

    for (const version of ['v1', 'v1alpha']) {
      it(`can be used knowing nothing but reflection ${version}`, async () => {
        const socket = join(scratch.path, `${version}.sock`);
        await using _daemon = await Daemon.start([
          '--store',
          'memory:',
          '-l',
          socket,
        ]);
        const session = join(python, 'reflection_session.py');
        const service = `grpc.reflection.${version}.ServerReflection`;
        const printed = await line(
          runProgram(PYTHON, [session, generated, `unix:${socket}`, service]),
        );
        expect(printed.split('\n').at(-1)).toBe('ok');
      });
    }
  },
);
