// Runs the examples in the packages' READMEs: each ```js block is a complete program, run against the built packages.
// A block marked ```js norun is only there to be read.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

const scratch = join(root, 'e2e/.examples');
rmSync(scratch, { recursive: true, force: true });
mkdirSync(scratch, { recursive: true });
try {
  for (const name of readdirSync(join(root, 'packages')).sort()) {
    const readme = join(root, 'packages', name, 'README.md');
    if (!existsSync(readme)) {
      console.error(`packages/${name} has no README.md`);
      process.exitCode = 1;
      continue;
    }
    const blocks = [
      ...readFileSync(readme, 'utf8').matchAll(/^```js\n(.*?)^```$/gms),
    ].map((match) => match[1]);
    for (const [index, code] of blocks.entries()) {
      const file = join(scratch, `${name}-${index}.mjs`);
      writeFileSync(file, code);
      const result = spawnSync(process.execPath, [file], {
        encoding: 'utf8',
        cwd: scratch,
        timeout: 60_000,
      });
      const ok = result.status === 0 && result.stdout !== '';
      console.log(
        `packages/${name}/README.md, example ${index + 1}: ${ok ? 'runs' : 'FAILED'}`,
      );
      if (!ok) {
        console.error(result.stdout, result.stderr);
        process.exitCode = 1;
      }
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
