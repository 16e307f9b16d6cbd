// Adds up what the test runs left behind, and what each step of the check said.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

/** What runs Jest: in which folder, as part of which step of the check, and where its reporter leaves the results. */
export function testRuns() {
  const folders = [
    ...readdirSync(join(root, 'packages')).map((name) =>
      join('packages', name),
    ),
    'e2e',
  ];
  const runs = folders.flatMap((folder) => [
    {
      folder,
      step: folder === 'e2e' ? 'system' : 'unit',
      config: join(folder, 'jest.config.js'),
      results: join(folder, 'coverage/results.json'),
    },
    {
      folder,
      step: 'system',
      config: join(folder, 'jest.faults.config.js'),
      results: join(folder, 'coverage/faults.json'),
    },
  ]);
  return runs.filter(({ config }) => existsSync(join(root, config)));
}

/** Passed and failed tests over all runs, and the names of those skipped. One without results counts as one failure. */
export function countTests(runs) {
  const sum = { passed: 0, failed: 0, skipped: [] };
  for (const { folder, step, results } of runs) {
    const file = join(root, results);
    if (!existsSync(file)) {
      console.error(`${folder}: the test run (${step}) left no results`);
      sum.failed++;
      continue;
    }
    const counts = JSON.parse(readFileSync(file, 'utf8'));
    sum.passed += counts.passed;
    sum.failed += counts.failed;
    sum.skipped.push(...counts.skipped.map((name) => `${folder}: ${name}`));
  }
  return sum;
}
