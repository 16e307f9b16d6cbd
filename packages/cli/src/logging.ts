import { createRequire } from 'node:module';
import type * as Pino from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { jsonText } from './json-text.ts';
import type { LogLevel } from './log-level.ts';
import { formatLogLine } from './log-line.ts';

export type { LogLevel } from './log-level.ts';
export type { Logger } from 'pino';

/** Settings of {@link createLogger}. */
export interface LoggerOptions {
  readonly level: LogLevel;
  /** One JSON object a line, instead of a line for people. */
  readonly json: boolean;
  /** Whether people's lines may be coloured. */
  readonly colours: boolean;
  /** Takes each line with its line feed. */
  readonly write: (line: string) => void;
}

/** Makes the program's logger, which hands each record on at once. */
export function createLogger(options: LoggerOptions): Logger {
  const { write } = options;
  const destination: DestinationStream = {
    write: options.json
      ? write
      : (record) => write(formatLogLine(record, options.colours)),
  };
  // Only now: most commands write no record, and start sooner without it.
  const { pino } = createRequire(import.meta.url)('pino') as typeof Pino;
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: serializeError },
    },
    destination,
  );
}

/** An error as a record holds it: with its code, its stack and all its causes. */
export function serializeError(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return String(error);
  const { name, code, message, stack, cause, details } = error as Partial<
    Record<string, unknown>
  >;
  return {
    name,
    code,
    message,
    ...(details === undefined ? {} : { details: printable(details) }),
    stack,
    ...(cause === undefined ? {} : { cause: serializeError(cause) }),
  };
}

/** Details may hold what JSON can't: bytes, which show as text, and bigints. */
function printable(details: unknown): unknown {
  return JSON.parse(
    JSON.stringify(
      details,
      function (this: Record<string, unknown>, key, value: unknown) {
        // Before toJSON, which makes a list of numbers of a Buffer.
        const raw = this[key];
        if (typeof raw === 'bigint') return String(raw);
        return raw instanceof Uint8Array ? jsonText(raw) : value;
      },
    ),
  );
}
