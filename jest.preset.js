import { fileURLToPath } from 'node:url';

const tool = (name) =>
  fileURLToPath(new URL(`./tools/${name}`, import.meta.url));
const reporter = tool('test-reporter.mjs');

/** Tests that cut the power, kill, and fill disks; they run by a target of their own, see `faults`. */
const FAULTS = '\\.faults\\.spec\\.ts$';

const preset = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', FAULTS],
  globalSetup: tool('test-scratch.mjs'),
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
        sourceMaps: true,
      },
    ],
  },
  // Workspace packages resolve to their sources, so that tests need no build.
  testEnvironmentOptions: {
    customExportConditions: ['@tvix/source', 'node', 'node-addons'],
  },
  reporters: ['default', [reporter, { results: 'results.json' }]],
  coverageProvider: 'v8',
  maxWorkers: 2,
  // Against tests that hang: how fast anything is, benchmarks say.
  testTimeout: 30_000,
};

export default preset;

/** What damages a store, or takes away what it stands on: `*.faults.spec.ts`. */
export const faults = {
  ...preset,
  testMatch: ['<rootDir>/test/**/*.faults.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  reporters: ['default', [reporter, { results: 'faults.json' }]],
  testTimeout: 120_000,
  // The packages run side by side.
  maxWorkers: 1,
  // A process for each file: lmdb reports what fails to the console of the file that loaded it first.
  workerIdleMemoryLimit: 1,
};
