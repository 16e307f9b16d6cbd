export { runPathInfoServiceConformance } from './path-info-service.ts';
export type { PathInfoServiceSubject } from './path-info-service.ts';
export type { ConformanceRunner } from './runner.ts';
