import { expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeMounts } from './support/requirements.ts';

describeMounts('the README', ['fuse', 'root'], () => {
  it('has an example of a mount that runs', async () => {
    const folder = new URL('../../', import.meta.url);
    const readme = readFileSync(new URL('README.md', folder), 'utf8');
    const [, code] = /^```js mount\n(.*?)^```$/ms.exec(readme)!;
    // Beside the package, where its own name leads to it.
    const file = fileURLToPath(new URL('test/.readme-example.mjs', folder));
    writeFileSync(file, code!);
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [file], {
        timeout: 30_000,
      });
      expect(stdout).toMatch(
        /-r-xr-xr-x 1 root root 23 .* program\n[^]*it runs/,
      );
    } finally {
      rmSync(file);
    }
  }, 40_000);
});
