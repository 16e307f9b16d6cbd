import preset from '../../jest.preset.js';

// Sockets and mounts stay at short paths of their own.
export default { ...preset, globalSetup: undefined };
