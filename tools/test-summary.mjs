// Adds up what the test runs left behind, and what each step of the check said.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

/** The folders that hold Jest projects. */
export function testProjects() {
  const packages = readdirSync(join(root, 'packages')).map((name) =>
    join('packages', name),
  );
  return [...packages, 'e2e'].filter((folder) =>
    existsSync(join(root, folder, 'jest.config.js')),
  );
}

/** Passed and failed tests over all projects, and the names of those skipped. A project without results counts as one failure. */
export function countTests(projects) {
  const sum = { passed: 0, failed: 0, skipped: [] };
  for (const project of projects) {
    const file = join(root, project, 'coverage/results.json');
    if (!existsSync(file)) {
      console.error(`${project}: the test run left no results`);
      sum.failed++;
      continue;
    }
    const counts = JSON.parse(readFileSync(file, 'utf8'));
    sum.passed += counts.passed;
    sum.failed += counts.failed;
    sum.skipped.push(...counts.skipped.map((name) => `${project}: ${name}`));
  }
  return sum;
}
