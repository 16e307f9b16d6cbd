// Fails where a build or a test left something in the tree that is neither committed nor ignored.
import { execFileSync } from 'node:child_process';
import { root } from './run.mjs';

if (process.env.CI) {
  const changes = execFileSync('git', ['status', '--porcelain'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (changes !== '') {
    console.error(`the tree isn't clean after the tests:\n${changes}`);
    process.exitCode = 1;
  }
}
