/** From the fewest records to the most. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;

/** What is logged: records of this level and of those before it. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Reads a log level: a name in any case, or its number from 1 (error) to 5 (trace); `undefined` for anything else. */
export function parseLogLevel(text: string): LogLevel | undefined {
  const wanted = text.toLowerCase();
  return LOG_LEVELS.find(
    (name, index) => wanted === name || wanted === String(index + 1),
  );
}
