import { B3Digest, requireDirectory } from '@tvix/castore';
import { execWithMount, mountFuse } from '@tvix/fs/fuse';
import type { MountFuseOptions } from '@tvix/fs/fuse';
import type { Command, CommandContext } from '../command.ts';
import { defaultClientStore } from '../config.ts';
import { CliError } from '../errors.ts';
import { logRequestFailure } from '../log-request-failure.ts';
import type { MountedStore } from '../mount-services.ts';
import { openStore } from '../services.ts';
import { aborted, onStopSignals, onSignalsBesideCommand } from '../signals.ts';
import { explainStoreFailure } from '../store-failure.ts';

/** Any output hash: a store that answers whether it has that can be mounted. */
const SOME_OUTPUT_HASH = new Uint8Array(20);

/**
 * Shows a store, or one castore directory, as a directory of this machine: until SIGINT, SIGTERM or an unmount; or to one
 * command alone, until that ends.
 */
export const mount: Command = async (context, { operands, options }) => {
  const [mountPoint = '', ...command] = operands;
  const hasCommand = options['exec'] === true;
  if (hasCommand !== command.length > 0)
    throw new CliError(
      'cli/usage',
      hasCommand
        ? '--exec needs a command'
        : 'only --exec takes a command behind the destination',
    );
  const addresses = context.addresses(defaultClientStore());
  const castore = options['castore'] as string | undefined;
  const shown = { addresses, ...(castore !== undefined && { castore }) };
  await assertAnswers(shown);
  const mountOptions: MountFuseOptions = {
    mountPoint,
    services: {
      module: new URL('../mount-services.js', import.meta.url),
      options: shown,
    },
    onRequestFailed: logRequestFailure(context.logger),
    ...(options['listRoot'] === true && { listRoot: true }),
    allowOther: options['allowOther'] === true,
    xattrs: options['xattrs'] === true,
    ...(options['passthrough'] === true && { passthrough: {} }),
  };
  if (!hasCommand) return serve(context, mountOptions);
  const [program = '', ...args] = command;
  return execWithMount({
    ...mountOptions,
    command: [program, ...args],
    signal: onSignalsBesideCommand(),
  });
};

/** Tells what is wrong with a store before there is a mount. It is closed again: the serving thread opens its own. */
async function assertAnswers({
  addresses,
  castore,
}: MountedStore): Promise<void> {
  const digest = castore === undefined ? undefined : B3Digest.parse(castore);
  try {
    await using store = await openStore(addresses, { readOnly: true });
    if (digest === undefined) await store.pathInfos.get(SOME_OUTPUT_HASH);
    else await requireDirectory(store.directories, digest);
  } catch (error) {
    throw explainStoreFailure(error, addresses);
  }
}

async function serve(
  { logger }: CommandContext,
  options: MountFuseOptions,
): Promise<void> {
  const { gentle, hard } = onStopSignals();
  const mounted = await mountFuse(options);
  const { mountPoint } = mounted;
  logger.info({ mountPoint }, 'mounted');
  await Promise.race([mounted.ended, aborted(gentle)]);
  if (gentle.aborted) {
    logger.info('stopping');
    const isGentle = await mounted.close({ signal: hard });
    if (!isGentle)
      throw new CliError('cli/cut-off', 'who used the mount was cut off');
  }
  logger.info({ mountPoint }, 'unmounted');
}
