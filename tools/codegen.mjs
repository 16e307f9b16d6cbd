// Generates the message types and service definitions from protos/: castore's once, into castore; store's import them.
// `--check` generates beside the tree and fails where the committed code differs.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { descriptorsModule } from './descriptors.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const check = process.argv.includes('--check');

const options = [
  'importSuffix=.ts',
  'esModuleInterop=true',
  'forceLong=bigint',
  'oneof=unions-value',
  'enumsAsLiterals=true',
  'unrecognizedEnum=false',
  'useReadonlyTypes=true',
  'outputServices=nice-grpc',
  'outputServices=generic-definitions',
  'useExactTypes=false',
  'outputJsonMethods=false',
];

// The package that owns each folder of protos, and which imports it takes from another package.
const targets = [
  {
    protos: 'tvix/castore',
    out: 'packages/castore/src/proto/gen',
    imports: [],
  },
  {
    protos: 'tvix/store',
    out: 'packages/store/src/proto/gen',
    imports: ['Mtvix/castore/v1/castore.proto=@tvix/castore/proto'],
  },
  {
    protos: 'grpc',
    out: 'packages/cli/src/proto/gen',
    imports: [],
    descriptors: 'descriptors.ts',
  },
];

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

function generate({ protos, imports }, out) {
  const template = {
    version: 'v2',
    inputs: [{ directory: 'protos', paths: [join('protos', protos)] }],
    plugins: [
      { local: 'protoc-gen-ts_proto', out, opt: [...options, ...imports] },
    ],
  };
  execFileSync('buf', ['generate', '--template', JSON.stringify(template)], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
    },
  });
}

let differs = false;
for (const target of targets) {
  const scratch = mkdtempSync(join(tmpdir(), 'tvix-codegen-'));
  try {
    generate(target, scratch);
    // What server reflection serves, of all files.
    if (target.descriptors !== undefined)
      writeFileSync(
        join(scratch, target.descriptors),
        descriptorsModule(join(root, 'protos')),
      );
    const committed = join(root, target.out);
    if (check) {
      const made = files(scratch);
      const have = files(committed);
      const changed = made.filter(
        (name) =>
          !have.includes(name) ||
          readFileSync(join(scratch, name), 'utf8') !==
            readFileSync(join(committed, name), 'utf8'),
      );
      const stale = have.filter((name) => !made.includes(name));
      for (const name of [...changed, ...stale]) {
        console.error(
          `generated code differs from protos/: ${join(target.out, name)} (run: npm run codegen)`,
        );
        differs = true;
      }
    } else {
      rmSync(committed, { recursive: true, force: true });
      cpSync(scratch, committed, { recursive: true });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
if (differs) process.exitCode = 1;
