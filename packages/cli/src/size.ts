import { CliError } from './errors.ts';

const UNITS = ['', 'K', 'M', 'G', 'T', 'P'];

/**
 * A size like `20G`, in bytes: a number with K, M, G, T or P behind it for powers of 1024, or nothing for bytes.
 *
 * @throws CliError `cli/usage`
 */
export function parseSize(text: string): number {
  const [, count, unit = ''] =
    /^(\d+(?:\.\d+)?)([KMGTP]?)(?:i?B)?$/.exec(text) ?? [];
  const bytes = Math.floor(Number(count) * 1024 ** UNITS.indexOf(unit));
  if (!(bytes <= Number.MAX_SAFE_INTEGER))
    throw new CliError(
      'cli/usage',
      `not a size: "${text}" (expected a number and K, M, G, T or P, as in 20G)`,
    );
  return bytes;
}
