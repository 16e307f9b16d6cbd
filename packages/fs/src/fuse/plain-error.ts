/** An error as it travels between threads, which takes the codes of errors away otherwise. */
export interface PlainError {
  readonly name: string;
  readonly code: string | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: PlainError | undefined;
}

/** Causes of causes that travel along. */
const MAX_CAUSES = 8;

/** What can be told of anything that was thrown. */
export function toPlainError(
  error: unknown,
  causes: number = MAX_CAUSES,
): PlainError {
  const { name, code, message, stack, cause } = (
    typeof error === 'object' && error !== null ? error : {}
  ) as Partial<Record<string, unknown>>;
  return {
    name: typeof name === 'string' ? name : 'Error',
    code: typeof code === 'string' ? code : undefined,
    message: typeof message === 'string' ? message : String(error),
    stack: typeof stack === 'string' ? stack : undefined,
    cause:
      cause === undefined || causes === 0
        ? undefined
        : toPlainError(cause, causes - 1),
  };
}

/** An error that says the same. */
export function fromPlainError(plain: PlainError): Error {
  const { name, code, message, stack, cause } = plain;
  const error = new Error(
    message,
    cause === undefined ? {} : { cause: fromPlainError(cause) },
  );
  return Object.assign(error, {
    name,
    ...(code !== undefined && { code }),
    ...(stack !== undefined && { stack }),
  });
}
