import type { Command as CommanderCommand } from 'commander';
import { SERVICE_SETTINGS, STORE_SETTING } from '../config.ts';

/** Adds the options that name a store. */
export function withStore(
  command: CommanderCommand,
  defaultStore = 'the daemon on this machine, grpc+http://[::1]:8000',
): CommanderCommand {
  command.option(
    `--${STORE_SETTING.flag} <address>`,
    `${STORE_SETTING.help} (env: ${STORE_SETTING.variable}; default: ${defaultStore})`,
  );
  for (const { flag, variable, help } of Object.values(SERVICE_SETTINGS))
    command.option(`--${flag} <address>`, `${help} (env: ${variable})`);
  return command;
}
