import type { Command as CommanderCommand } from 'commander';
import type { Command } from '../command.ts';

/** Loads the code of a command: not before it is called, since most of the program isn't needed for any one command. */
export type LoadCommand = () => Promise<Command>;

/** Adds a command to the program or to a group of it; options and help are put to what is answered. */
export type AddCommand = (
  parent: CommanderCommand,
  nameAndOperands: string,
  load: LoadCommand,
) => CommanderCommand;
