import { CliError } from './errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 24 * 3_600_000,
  w: 7 * 24 * 3_600_000,
};

/**
 * A time like `30d`, in milliseconds: a number with s, m, h, d or w behind it.
 *
 * @throws CliError `cli/usage`
 */
export function parseDuration(text: string): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS[unit!] ?? NaN);
  if (!(ms <= Number.MAX_SAFE_INTEGER))
    throw new CliError(
      'cli/usage',
      `not a time: "${text}" (expected a number and s, m, h, d or w, as in 30d)`,
    );
  return ms;
}
