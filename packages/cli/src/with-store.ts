import type { CommandContext } from './command.ts';
import { defaultClientStore } from './config.ts';
import { explainStoreFailure } from './store-failure.ts';
import { openStore } from './services.ts';
import type { OpenStore, OpenStoreOptions } from './services.ts';

/** A command is done when its one thread is: a first import takes some 3 % less where the others give way to it. */
const THREAD_NICENESS = 5;

/** Opens the store that the flags and the environment name for looking at it only, and closes it after use. */
export function withStoreToRead<T>(
  context: CommandContext,
  use: (store: OpenStore) => Promise<T>,
): Promise<T> {
  return withStore(context, { readOnly: true }, use);
}

/** As {@link withStoreToWrite}, but makes no store where there is none: nothing is to be put into it. */
export function withStoreToCareFor<T>(
  context: CommandContext,
  use: (store: OpenStore) => Promise<T>,
): Promise<T> {
  return withStore(context, { mustExist: true }, use);
}

/** Opens the store that the flags and the environment name, and closes it after use. */
export function withStoreToWrite<T>(
  context: CommandContext,
  use: (store: OpenStore) => Promise<T>,
): Promise<T> {
  return withStore(context, { threadNiceness: THREAD_NICENESS }, use);
}

async function withStore<T>(
  context: CommandContext,
  options: OpenStoreOptions,
  use: (store: OpenStore) => Promise<T>,
): Promise<T> {
  const addresses = context.addresses(defaultClientStore());
  try {
    await using store = await openStore(addresses, options);
    return await use(store);
  } catch (error) {
    throw explainStoreFailure(error, addresses);
  }
}
