import type { ServerHooks } from '@tvix/castore/grpc';
import type { Server } from 'nice-grpc';
import {
  PathInfoServiceDefinition,
  StoreAdminServiceDefinition,
} from '../proto/index.ts';
import type { StoreCare } from '../store-care/store-care.ts';
import { PathInfoServiceServer } from './path-info-service-server.ts';
import type { StoreServices } from './path-info-service-server.ts';
import { StoreAdminServer } from './store-admin-server.ts';
import type { StoreAdminServerOptions } from './store-admin-server.ts';

/** Adds all gRPC services of this package to a server that doesn't listen yet; castore's are added apart. */
export function addStoreServices(
  server: Pick<Server, 'add'>,
  services: StoreServices,
  hooks: ServerHooks = {},
): void {
  server.add(
    PathInfoServiceDefinition,
    new PathInfoServiceServer(services, hooks),
  );
}

/** Adds the admin service: whoever reaches that server may take away what the store holds. */
export function addStoreAdmin(
  server: Pick<Server, 'add'>,
  care: StoreCare,
  options: StoreAdminServerOptions = {},
): void {
  server.add(StoreAdminServiceDefinition, new StoreAdminServer(care, options));
}
