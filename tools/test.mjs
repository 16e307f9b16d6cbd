// `npm test`: installs, checks and builds everything, runs every test that this machine can run, and says in its last
// line how many passed. `npm test -- --only lint,unit` runs the named steps alone.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { install } from './install.mjs';
import { root, run } from './run.mjs';
import { countTests, testRuns } from './test-summary.mjs';

const nx =
  (target, ...args) =>
  () =>
    run('nx', ['run-many', '-t', target, '--parallel=2', ...args]);
const tool =
  (name, ...args) =>
  () =>
    run(process.execPath, [join(root, 'tools', name), ...args]);

/** Each step answers an exit code. `tests` marks those whose tests are counted from their results. */
const steps = {
  format: () => run('prettier', ['--check', '--log-level', 'warn', '.']),
  codegen: tool('codegen.mjs', '--check'),
  protos: () => run('buf', ['lint']),
  lint: nx('lint'),
  boundaries: tool('check-boundaries.mjs'),
  build: nx('build'),
  typecheck: nx('typecheck'),
  unit: nx('test', '--exclude=@tvix/e2e'),
  pack: tool('check-pack.mjs'),
  examples: tool('check-examples.mjs'),
  // Side by side: neither keeps all cores busy.
  system: nx('faults,e2e', '--skip-nx-cache'),
  clean: tool('check-clean.mjs'),
};

const only = process.argv.includes('--only')
  ? process.argv[process.argv.indexOf('--only') + 1].split(',')
  : undefined;

install();
const runs = testRuns().filter(
  ({ step }) => only === undefined || only.includes(step),
);
const runsTests = (name) => runs.some(({ step }) => step === name);
for (const { results } of runs) rmSync(join(root, results), { force: true });

const failed = [];
let checks = 0;
for (const [name, step] of Object.entries(steps)) {
  if (only !== undefined && !only.includes(name)) continue;
  const start = performance.now();
  console.log(`\n== ${name}`);
  const status = step();
  console.log(
    `== ${name}: ${status === 0 ? 'ok' : 'FAILED'} (${((performance.now() - start) / 1000).toFixed(1)} s)`,
  );
  if (status !== 0) failed.push(name);
  // What runs Jest is counted test by test; every other step counts as one check.
  if (status === 0 && !runsTests(name)) checks++;
}

const counts = countTests(runs);
// A step that failed without a failing test to show for it still counts.
const failures =
  Math.max(counts.failed, failed.filter((name) => runsTests(name)).length) +
  failed.filter((name) => !runsTests(name)).length;
if (failed.length > 0) console.log(`\nfailed: ${failed.join(', ')}`);
if (counts.skipped.length > 0) {
  console.log(`\nskipped on this machine:\n  ${counts.skipped.join('\n  ')}`);
}
// In CI everything that a test needs was installed: what is skipped there was forgotten.
const skippedInCi = process.env.CI ? counts.skipped.length : 0;
console.log(
  `\n${counts.passed + checks} passed, ${failures + skippedInCi} failed`,
);
process.exitCode = failures + skippedInCi > 0 ? 1 : 0;
