/** Everything was done. */
export const EXIT_DONE = 0;
/** Something failed; stderr says what. */
export const EXIT_FAILED = 1;
/** The command line doesn't make sense. */
export const EXIT_USAGE = 2;

/** Codes that blame the command line, whichever package found the fault. */
const USAGE_CODES: ReadonlySet<unknown> = new Set([
  'cli/usage',
  'castore/invalid-address',
]);

/** The exit code that fits a failure. */
export function exitCodeOf(error: unknown): number {
  return USAGE_CODES.has((error as { readonly code?: unknown } | null)?.code)
    ? EXIT_USAGE
    : EXIT_FAILED;
}
