import { CliError } from './errors.ts';

const UNITS = ['', 'K', 'M', 'G', 'T', 'P'];

/**
 * A size like `20G`, in bytes: a number with K, M, G, T or P behind it for powers of 1024, or nothing for bytes.
 *
 * @throws CliError `cli/usage`
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMGTP]?)(?:i?B)?$/.exec(text);
  if (match === null)
    throw new CliError(
      'cli/usage',
      `not a size: "${text}" (expected a number and K, M, G, T or P, as in 20G)`,
    );
  return Math.floor(Number(match[1]) * 1024 ** UNITS.indexOf(match[2]!));
}
