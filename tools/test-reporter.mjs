// A Jest reporter that leaves one small JSON file a run, so that the runner can count over all of them, results
// that Nx took from its cache included.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export default class CountReporter {
  #rootDir;
  #results;

  constructor(globalConfig, { results }) {
    this.#rootDir = globalConfig.rootDir;
    this.#results = results;
  }

  onRunComplete(_contexts, results) {
    const folder = join(this.#rootDir, 'coverage');
    mkdirSync(folder, { recursive: true });
    const counts = {
      passed: results.numPassedTests,
      // A file that can't even be loaded fails without a test to show for it.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.testResults
        .flatMap((file) => file.testResults)
        .filter((test) => test.status === 'pending' || test.status === 'todo')
        .map((test) => test.fullName),
    };
    writeFileSync(join(folder, this.#results), `${JSON.stringify(counts)}\n`);
  }
}
