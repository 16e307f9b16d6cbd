import { copyPaths } from '@tvix/store';
import type { Store } from '@tvix/store';
import type { Command } from '../command.ts';
import type { ServiceAddresses } from '../config.ts';
import { CliError } from '../errors.ts';
import { openStore } from '../services.ts';
import { explainStoreFailure } from '../store-failure.ts';
import { parseWholeStorePath } from '../store-path-argument.ts';

/** Copies closures from one store to another, and prints each path that was copied. */
export const copy: Command = async (context, { operands, options }) => {
  const all = options['all'] === true;
  if (all === operands.length > 0)
    throw new CliError('cli/usage', 'name store paths, or say --all');
  const wanted = operands.map((text) => parseWholeStorePath(text).digest);
  const { output, json } = context;
  await using from = await open(options['from'] as string, true);
  await using to = await open(options['to'] as string, false);
  const outputHashes = all ? allOutputHashes(from) : wanted;
  for await (const { pathInfo, status } of copyPaths(outputHashes, from, to)) {
    const storePath = pathInfo.storePath.toAbsolutePath();
    if (json) await output.json({ storePath, status });
    else if (status === 'copied') await output.line(storePath);
    else context.debug({ storePath }, 'there already');
  }
};

async function open(
  address: string,
  readOnly: boolean,
): ReturnType<typeof openStore> {
  const addresses: ServiceAddresses = {
    blobs: address,
    directories: address,
    pathInfos: address,
  };
  try {
    return await openStore(addresses, { readOnly });
  } catch (error) {
    throw explainStoreFailure(error, addresses);
  }
}

async function* allOutputHashes({
  pathInfos,
}: Pick<Store, 'pathInfos'>): AsyncGenerator<Uint8Array> {
  for await (const { storePath } of pathInfos.list()) yield storePath.digest;
}
