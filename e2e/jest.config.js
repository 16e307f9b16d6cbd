import preset from '../jest.preset.js';

// One worker: these tests start daemons and whole stores, and some look at the memory of what they start.
export default { ...preset, maxWorkers: 1, testTimeout: 120_000 };
