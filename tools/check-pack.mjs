// Proves that what would be published works: packs every package, lints the tarballs, installs them into an empty
// project, compiles a consumer and runs it, by import and by require.
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './run.mjs';

const bin = join(root, 'node_modules/.bin');
const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
const sh = (command, args, cwd) =>
  execFileSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });

const scratch = mkdtempSync(join(tmpdir(), 'tvix-pack-'));
try {
  const packages = readdirSync(join(root, 'packages')).sort();
  const manifests = packages.map((name) =>
    JSON.parse(
      readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'),
    ),
  );
  const tarballs = [];
  for (const [index, name] of packages.entries()) {
    const folder = join(root, 'packages', name);
    const [packed] = JSON.parse(
      sh(
        'npm',
        ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch],
        folder,
      ),
    );
    const tarball = join(scratch, packed.filename);
    tarballs.push(tarball);
    const stray = packed.files
      .map((file) => file.path)
      .filter((path) => /(^|\/)test\/|\.tsbuildinfo$|dist\/spec\//.test(path));
    if (stray.length > 0)
      throw new Error(`${name} would publish ${stray.join(', ')}`);
    sh('publint', ['--strict', tarball], root);
    // A program has nothing to import, so there are no types to look at.
    if (
      Object.keys(manifests[index].exports).some(
        (key) => key !== './package.json',
      )
    ) {
      sh('attw', ['--profile', 'esm-only', tarball], root);
    }
    console.log(
      `${manifests[index].name}: packed, ${(packed.size / 1024).toFixed(0)} KiB, publint and attw content`,
    );
  }

  const consumer = join(scratch, 'consumer');
  mkdirSync(consumer);
  writeFileSync(
    join(consumer, 'package.json'),
    JSON.stringify({
      name: 'consumer',
      version: '1.0.0',
      private: true,
      type: 'module',
    }),
  );
  sh(
    'npm',
    [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      ...tarballs,
    ],
    consumer,
  );

  const entries = manifests.flatMap((manifest) =>
    Object.keys(manifest.exports)
      .filter((key) => key !== './package.json')
      .map((key) => join(manifest.name, key)),
  );
  const imports = entries.map(
    (entry, index) => `import * as m${index} from '${entry}';`,
  );
  const program = `${imports.join('\n')}\nconsole.log([${entries.map((_, index) => `Object.keys(m${index}).length`).join(', ')}].join(' '));\n`;
  writeFileSync(
    join(consumer, 'consumer.ts'),
    `declare const console: { log(text: string): void };\n${program}`,
  );
  sh(
    'tsc',
    [
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--lib',
      'es2023,esnext.disposable',
      '--strict',
      '--types',
      'node',
      '--typeRoots',
      join(root, 'node_modules/@types'),
      '--skipLibCheck',
      '--ignoreConfig',
      'consumer.ts',
    ],
    consumer,
  );
  const imported = sh(process.execPath, ['consumer.js'], consumer).trim();
  writeFileSync(
    join(consumer, 'consumer.cjs'),
    `console.log([${entries.map((entry) => `Object.keys(require('${entry}')).filter((name) => name !== '__esModule').length`).join(', ')}].join(' '));\n`,
  );
  const required = sh(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'consumer.cjs'],
    consumer,
  ).trim();
  if (imported !== required)
    throw new Error(`import sees ${imported} names, require sees ${required}`);
  const version = sh(
    join(consumer, 'node_modules/.bin/tvix-store'),
    ['--version'],
    consumer,
  ).trim();
  console.log(
    `installed from tarballs: ${entries.length} entry points compile, import and require; tvix-store ${version} runs`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
