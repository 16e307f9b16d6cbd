import { treeToDisk } from '@tvix/castore';
import { parseNar } from '@tvix/nar';
import type { Command } from '../command.ts';
import { readDescriptor } from '../input.ts';
import { countingProgress } from '../tree-progress.ts';

const STDIN = 0;

/** Writes the archive on standard input to a path where nothing is yet. */
export const narRestore: Command = async ({ progress }, { operands }) => {
  const [destination = ''] = operands;
  const events = parseNar(readDescriptor(STDIN));
  await treeToDisk(
    countingProgress(events, progress, destination),
    destination,
  );
};
