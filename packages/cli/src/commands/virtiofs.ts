import { serveVirtiofs } from '@tvix/fs/virtiofs';
import { PathInfoRootNodes } from '@tvix/store';
import type { Command } from '../command.ts';
import { logRequestFailure } from '../log-request-failure.ts';
import { aborted, onStopSignals } from '../signals.ts';
import { withStoreToRead } from '../with-store.ts';

/** Shows a store to virtual machines, as the file system of a vhost-user-fs device, until SIGINT or SIGTERM. */
export const virtiofs: Command = async (context, { operands, options }) => {
  const [socket = ''] = operands;
  const { logger } = context;
  const { gentle } = onStopSignals();
  await withStoreToRead(context, async ({ pathInfos, directories, blobs }) => {
    await using _server = await serveVirtiofs({
      socket,
      rootNodes: new PathInfoRootNodes(pathInfos),
      directories,
      blobs,
      listRoot: options['listRoot'] === true,
      onConnectionFailed: (err) =>
        logger.error({ err }, 'a virtual machine was cut off'),
      onRequestFailed: logRequestFailure(logger),
    });
    logger.info({ address: socket }, 'listening');
    await aborted(gentle);
    logger.info('stopping');
  });
};
