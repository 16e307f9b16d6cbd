/**
 * What went wrong first. Where closing what was in use fails after a failure, JavaScript throws an error of both; the
 * other one is mostly of the first one's making.
 */
export function firstFailure(error: unknown): unknown {
  let first = error;
  while (isSuppressed(first)) first = first.suppressed;
  return first;
}

function isSuppressed(
  error: unknown,
): error is { readonly suppressed: unknown } {
  return (
    typeof error === 'object' &&
    error !== null &&
    'suppressed' in error &&
    'name' in error &&
    error.name === 'SuppressedError'
  );
}
