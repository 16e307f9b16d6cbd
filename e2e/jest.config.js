import preset from '../jest.preset.js';

// Tests that look at the memory of what they start look at that process alone.
export default { ...preset, maxWorkers: 2, testTimeout: 120_000 };
