import { faults } from '../../jest.preset.js';

export default { ...faults };
