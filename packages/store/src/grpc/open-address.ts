import type { Address } from '@tvix/castore';
import { openGrpcAddress } from '@tvix/castore/grpc';
import type { OpenedStoreServices } from '../address/opened-store.ts';
import { GrpcStoreCare } from '../store-care/grpc-client.ts';
import { GrpcPathInfoService } from '../path-info-service/grpc-client.ts';

/**
 * Opens a `grpc+` address: all services of one daemon over one channel.
 *
 * @throws CastoreError `castore/invalid-address`, `castore/unavailable`
 */
export async function openGrpcStoreAddress(
  address: Address,
): Promise<OpenedStoreServices> {
  const { channel, ...services } = await openGrpcAddress(address);
  const pathInfos = new GrpcPathInfoService(channel);
  const care = new GrpcStoreCare(channel);
  return { ...services, pathInfos, narCalculation: pathInfos, care };
}
