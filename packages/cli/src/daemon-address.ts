/** Opens `grpc+…`: the services of another daemon. */
export { openGrpcStoreAddress } from '@tvix/store/grpc';
