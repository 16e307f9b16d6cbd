/** The wire: generated messages and service definitions of `tvix.store.v1`. */
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
