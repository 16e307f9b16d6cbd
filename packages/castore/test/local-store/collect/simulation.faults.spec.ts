import { describe, it } from '@jest/globals';
import { simulate } from './simulation.ts';

const SEEDS = process.env['TVIX_FAULTS'] === 'full' ? 10_000 : 300;

describe('collections beside clients', () => {
  it('take nothing that is used, and all that is not within two passes', async () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      try {
        await simulate(seed);
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause });
      }
    }
  }, 3_600_000);
});
