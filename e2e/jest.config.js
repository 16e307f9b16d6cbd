import preset from '../jest.preset.js';

// Tests that look at the memory of what they start look at that process alone.
// Sockets and mounts stay at short paths of their own.
export default {
  ...preset,
  globalSetup: undefined,
  maxWorkers: 2,
  testTimeout: 120_000,
};
