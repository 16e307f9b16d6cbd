/** For whoever runs a server. */
export { addStoreServices } from './store-services.ts';
export type { StoreServices } from './path-info-service-server.ts';

export { addStoreAdmin } from './store-services.ts';
export type { StoreAdminServerOptions } from './store-admin-server.ts';

/** For whoever talks to one. */
export { GrpcPathInfoService } from '../path-info-service/grpc-client.ts';
export { GrpcStoreCare } from '../store-care/grpc-client.ts';
export { openGrpcStoreAddress } from './open-address.ts';

/** For those who write gRPC services of their own beside these. */
export { PathInfoServiceServer } from './path-info-service-server.ts';
export { StoreAdminServer } from './store-admin-server.ts';
