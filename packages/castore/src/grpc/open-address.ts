import type { Channel } from '@grpc/grpc-js';
import { parseGrpcAddress } from '../address/grammar.ts';
import type { Address } from '../address/grammar.ts';
import type { OpenedServices } from '../address/registry.ts';
import { GrpcBlobService } from '../blob-service/grpc-client.ts';
import { GrpcDirectoryService } from '../directory-service/grpc-client.ts';
import { connectChannel, createGrpcChannel } from './channel.ts';

/** Services of another daemon. */
export interface OpenedGrpcServices extends Required<OpenedServices> {
  /** For clients of further services of the same daemon; closed with the rest. */
  readonly channel: Channel;
}

/**
 * Opens a `grpc+` address. It connects when it is first used, or with `wait-connect=1` now.
 *
 * @throws CastoreError `castore/invalid-address`, `castore/unavailable`
 */
export async function openGrpcAddress(
  address: Address,
): Promise<OpenedGrpcServices> {
  const { endpoint, waitConnect } = parseGrpcAddress(address);
  const channel = createGrpcChannel(endpoint);
  try {
    if (waitConnect) await connectChannel(channel);
  } catch (error) {
    channel.close();
    throw error;
  }
  return {
    channel,
    blobs: new GrpcBlobService(channel),
    directories: new GrpcDirectoryService(channel),
    close: async () => channel.close(),
  };
}
