import { NarError } from '../../src/errors.ts';

/** The error that `act` throws, which must be one of this package's. */
export function narErrorOf(act: () => unknown): NarError {
  try {
    act();
  } catch (error) {
    if (error instanceof NarError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
