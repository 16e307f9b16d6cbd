import { closeSync, openSync } from 'node:fs';
import { splitPath } from '@tvix/castore';
import { listNar, parseNar, skimNar } from '@tvix/nar';
import type { ParsedNarEvent } from '@tvix/nar';
import type { Command } from '../command.ts';
import { CliError } from '../errors.ts';
import { randomAccess, readDescriptor } from '../input.ts';
import { nodeInArchive } from '../listing/nar.ts';
import { printListing } from '../listing/print.ts';

const STDIN = 0;

type ArchiveEvents = AsyncIterable<readonly ParsedNarEvent[]>;

/** Lists what is in an archive, or at a path inside it. */
export const narLs: Command = async (context, { operands, options }) => {
  const [file = '-', path = '/'] = operands;
  const fd = file === '-' ? STDIN : open(file);
  try {
    const names = splitPath(path);
    const events = structureOf(fd);
    const recursive = options['recursive'] === true;
    if (context.json && names.length === 0) {
      for await (const chunk of listNar(events, { recursive }))
        await context.output.write([chunk]);
      await context.output.line('');
      return;
    }
    await printListing(nodeInArchive(events, names), context, {
      name: names.at(-1) ?? Buffer.from(file),
      recursive,
      long: options['long'] === true,
    });
  } finally {
    if (fd !== STDIN) closeSync(fd);
  }
};

/** The events of an archive without contents: a file jumps over them, a pipe reads them. */
function structureOf(fd: number): ArchiveEvents {
  const source = randomAccess(fd);
  return source === undefined
    ? parseNar(readDescriptor(fd), { contents: 'skip' })
    : skimNar(source);
}

function open(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (cause) {
    throw new CliError(
      'cli/io',
      `cannot open ${file}: ${(cause as NodeJS.ErrnoException).message}`,
      { cause },
    );
  }
}
