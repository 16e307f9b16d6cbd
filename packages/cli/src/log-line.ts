import { visible } from './visible.ts';

const COLOURS: Readonly<Record<string, string>> = {
  error: '\x1b[31m',
  warn: '\x1b[33m',
  info: '\x1b[32m',
  debug: '\x1b[34m',
  trace: '\x1b[90m',
};
const RESET = '\x1b[0m';

interface LogRecord {
  readonly time: string;
  readonly level: string;
  readonly msg?: string;
  readonly err?: LoggedError;
  readonly [field: string]: unknown;
}

interface LoggedError {
  readonly code?: string;
  readonly message?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

/** Turns a record, one line of JSON, into a line for people: time, level, message, and the fields as `key=value`. */
export function formatLogLine(line: string, colours: boolean): string {
  const { time, level, msg, err, ...fields } = JSON.parse(line) as LogRecord;
  const name = level.padEnd(5);
  const parts = [
    time.slice(11, 23),
    colours ? `${COLOURS[level] ?? ''}${name}${RESET}` : name,
    ...(msg === undefined ? [] : [msg]),
    ...Object.entries(fields).map(([key, value]) => `${key}=${text(value)}`),
  ];
  return `${parts.join(' ')}\n${err === undefined ? '' : visible(errorText(err))}`;
}

function text(value: unknown): string {
  return visible(
    typeof value === 'string' && /^[^\s"=]+$/.test(value)
      ? value
      : JSON.stringify(value),
  );
}

function errorText(error: LoggedError | string): string {
  if (typeof error === 'string') return `  ${error}\n`;
  const code = error.code === undefined ? '' : ` (${error.code})`;
  const own = error.stack ?? error.message ?? '';
  const cause =
    error.cause === undefined ? '' : `  caused by:\n${errorText(error.cause)}`;
  return `${own.replace(/^/gm, '  ')}${code}\n${cause}`;
}
