import { visible } from './visible.ts';

interface Failure {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly stack?: unknown;
  readonly cause?: unknown;
}

/** Failures whose messages say what there is to do: what the system said adds nothing. */
const EXPLAINED: ReadonlySet<unknown> = new Set([
  'cli/store-in-use',
  'cli/no-daemon',
  'cli/address-in-use',
]);

/**
 * A failure for people: its message and the messages of its causes, each once. An error that isn't one of ours is a fault
 * of the program, and shows its stack.
 */
export function failureReport(error: unknown): string {
  const lines: string[] = [];
  for (
    let failure: unknown = error;
    failure !== undefined && failure !== null;
    failure = (failure as Failure).cause
  ) {
    const text = lines.length === 0 ? firstText(failure) : messageOf(failure);
    if (!lines.some((line) => line.includes(text))) lines.push(text);
    if (EXPLAINED.has((failure as Failure).code)) break;
  }
  return lines
    .map((line, depth) => (depth === 0 ? `error: ${line}` : `  cause: ${line}`))
    .map(visible)
    .join('\n');
}

function firstText(error: unknown): string {
  const { code, stack } = error as Failure;
  const isOurs = typeof code === 'string' && /^[a-z]+\/[a-z-]+$/.test(code);
  return isOurs || typeof stack !== 'string' ? messageOf(error) : stack;
}

function messageOf(error: unknown): string {
  const { message, code } = error as Failure;
  // Of several addresses that couldn't be reached there is only a code.
  if (message === '' && typeof code === 'string') return code;
  return typeof message === 'string' ? message : String(error);
}
