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

function run(command, args) {
  return spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      NX_DAEMON: 'false',
      PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
    },
  });
}

function check(name, file, source, { command, args, mustSay }) {
  writeFileSync(file, source);
  try {
    const result = run(command, args);
    const output = `${result.stdout}${result.stderr}`;
    if (result.status === 0 || !mustSay.test(output)) {
      console.error(`${name}: the forbidden import went through\n${output}`);
      process.exitCode = 1;
    } else {
      console.log(`${name}: refused`);
    }
  } finally {
    rmSync(file, { force: true });
  }
}

for (const { project, source } of forbidden) {
  check(
    `a forbidden import in @tvix/${project}`,
    join(root, `packages/${project}/src/boundary-canary.ts`),
    source,
    {
      command: 'nx',
      args: ['lint', `@tvix/${project}`, '--skip-nx-cache'],
      mustSay: /@nx\/enforce-module-boundaries/,
    },
  );
}
// The lint rule doesn't see Node's own modules; the compiler does, since nar knows no types of Node.
check(
  'a node: import in @tvix/nar',
  join(root, 'packages/nar/src/boundary-canary.ts'),
  "import { readFileSync } from 'node:fs';\nexport const canary: unknown = readFileSync;\n",
  {
    command: 'tsc',
    args: ['-p', 'packages/nar/tsconfig.lib.json', '--noEmit'],
    mustSay: /TS2591|TS2307/,
  },
);
