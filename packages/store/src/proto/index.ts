/** The wire: generated messages and service definitions of `tvix.store.v1`, and of `tvix.store.admin.v1` beside it. */
export {
  NARInfo,
  NARInfo_CA,
  NARInfo_CA_Hash,
  NARInfo_Signature,
  PathInfo,
  StorePath,
} from './gen/tvix/store/v1/pathinfo.ts';
export {
  CalculateNARResponse,
  GetPathInfoRequest,
  ListPathInfoRequest,
  PathInfoServiceDefinition,
} from './gen/tvix/store/v1/rpc_pathinfo.ts';
export type {
  PathInfoServiceClient,
  PathInfoServiceImplementation,
} from './gen/tvix/store/v1/rpc_pathinfo.ts';
export { StoreAdminServiceDefinition } from './gen/tvix/store/admin/v1/rpc_store_admin.ts';
export type {
  AddPinRequest,
  AddPinResponse,
  CollectGarbageRequest,
  CollectGarbageResponse,
  DeletePathInfosRequest,
  DeletePathInfosResponse,
  Pin,
  RemovePinRequest,
  RemovePinResponse,
  StatsRequest,
  StatsResponse,
  StoreAdminServiceClient,
  StoreAdminServiceImplementation,
  VerifyRequest,
  VerifyResponse,
} from './gen/tvix/store/admin/v1/rpc_store_admin.ts';
