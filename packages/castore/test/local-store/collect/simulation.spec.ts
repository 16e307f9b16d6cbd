import { describe, it } from '@jest/globals';
import { simulate } from './simulation.ts';

const SEEDS = Number(process.env['TVIX_SIMULATION_SEEDS'] ?? 60);
const FIRST_SEED = Number(process.env['TVIX_SIMULATION_FIRST_SEED'] ?? 1);

describe('collections beside clients', () => {
  it('take nothing that is used, and all that is not within two passes', async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
      try {
        await simulate(seed);
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause });
      }
    }
  }, 3_600_000);
});
