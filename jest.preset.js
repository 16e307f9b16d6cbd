import { fileURLToPath } from 'node:url';

export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
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
  reporters: [
    'default',
    fileURLToPath(new URL('./tools/test-reporter.mjs', import.meta.url)),
  ],
  coverageProvider: 'v8',
  maxWorkers: 2,
};
