import { writeSync } from 'node:fs';
import { EXIT_FAILED } from '../exit-codes.ts';
import { failureReport } from '../failure-report.ts';
import { outputFailure } from '../output.ts';

type Stream = Pick<NodeJS.WriteStream, 'write' | 'on'>;

const prepared = new WeakSet<Stream>();

/**
 * Writes a text that the command line itself prints, as help is. That nobody reads it to its end, as before `head`, is no
 * failure; any other failure ends the program, for which there is nothing else to do.
 */
export function writeText(
  stream: Stream,
  text: string,
  end: (failure: unknown) => void = endWith,
): void {
  if (!prepared.has(stream)) {
    prepared.add(stream);
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') end(outputFailure(error));
    });
  }
  stream.write(text);
}

function endWith(failure: unknown): void {
  try {
    writeSync(2, `${failureReport(failure)}\n`);
  } finally {
    process.exit(EXIT_FAILED);
  }
}
