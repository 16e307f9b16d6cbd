/** For those who prove a path info service of their own. */
export { runPathInfoServiceConformance } from './path-info-service.ts';
export type { PathInfoServiceSubject } from './path-info-service.ts';
export {
  barePathInfo,
  fullPathInfo,
  outputHash,
} from './path-info-fixtures.ts';
