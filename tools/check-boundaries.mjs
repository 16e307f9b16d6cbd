// The canary of the module boundaries: forbidden imports, written into each package for a moment, must fail the lint.
// Without a project graph the rule skips itself silently, so a green lint alone proves nothing.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

const forbidden = [
  {
    project: 'nar',
    source:
      "import { B3Digest } from '@tvix/castore';\nexport const canary: unknown = B3Digest;\n",
  },
  {
    project: 'castore',
    source:
      "import { NarParser } from '@tvix/nar';\nexport const canary: unknown = NarParser;\n",
  },
  {
    project: 'fs',
    source:
      "import * as store from '@tvix/store';\nexport const canary: unknown = store;\n",
  },
  {
    project: 'store',
    source:
      "import * as fs from '@tvix/fs';\nexport const canary: unknown = fs;\n",
  },
];

const file = (project) =>
  join(root, `packages/${project}/src/boundary-canary.ts`);

function outputOf(command, args) {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      NX_DAEMON: 'false',
      PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
    },
  });
  return { status: result.status, text: `${result.stdout}${result.stderr}` };
}

function judge(name, isRefused, text) {
  console.log(`${name}: ${isRefused ? 'refused' : 'WENT THROUGH'}`);
  if (isRefused) return;
  console.error(text);
  process.exitCode = 1;
}

/** Writes the files, looks, and takes them away again whatever happens. */
function withFiles(files, look) {
  try {
    for (const [path, source] of files) writeFileSync(path, source);
    look();
  } finally {
    for (const [path] of files) rmSync(path, { force: true });
  }
}

withFiles(
  forbidden.map(({ project, source }) => [file(project), source]),
  () => {
    // The lint needs the graph that Nx keeps; without one it would see nothing, and this would show.
    outputOf('nx', ['show', 'projects']);
    const { text } = outputOf('eslint', [
      '--format',
      'json',
      ...forbidden.map(({ project }) => file(project)),
    ]);
    const results = JSON.parse(text.slice(text.indexOf('[{')));
    for (const { project } of forbidden) {
      const found = results.find(({ filePath }) => filePath === file(project));
      const isRefused = found.messages.some(
        ({ ruleId }) => ruleId === '@nx/enforce-module-boundaries',
      );
      judge(`a forbidden import in @tvix/${project}`, isRefused, text);
    }
  },
);

// The lint rule doesn't see Node's own modules; the compiler does, since nar knows no types of Node.
withFiles(
  [
    [
      file('nar'),
      "import { readFileSync } from 'node:fs';\nexport const canary: unknown = readFileSync;\n",
    ],
  ],
  () => {
    const { status, text } = outputOf('tsc', [
      '-p',
      'packages/nar/tsconfig.lib.json',
      '--noEmit',
    ]);
    judge(
      'a node: import in @tvix/nar',
      status !== 0 && /TS2591|TS2307/.test(text),
      text,
    );
  },
);
