import type { CommandContext } from './command.ts';
import { defaultClientStore } from './config.ts';
import { explainStoreFailure } from './store-failure.ts';
import { openStore } from './services.ts';
import type { OpenStore } from './services.ts';

/** Opens the store that the flags and the environment name for looking at it only, and closes it after use. */
export function withStoreToRead<T>(
  context: CommandContext,
  use: (store: OpenStore) => Promise<T>,
): Promise<T> {
  return withStore(context, true, use);
}

/** Opens the store that the flags and the environment name, and closes it after use. */
export function withStoreToWrite<T>(
  context: CommandContext,
  use: (store: OpenStore) => Promise<T>,
): Promise<T> {
  return withStore(context, false, use);
}

async function withStore<T>(
  context: CommandContext,
  readOnly: boolean,
  use: (store: OpenStore) => Promise<T>,
): Promise<T> {
  const addresses = context.addresses(defaultClientStore());
  try {
    await using store = await openStore(addresses, { readOnly });
    return await use(store);
  } catch (error) {
    throw explainStoreFailure(error, addresses);
  }
}
