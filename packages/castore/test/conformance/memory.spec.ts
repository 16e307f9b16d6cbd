import { MemoryBlobService } from '../../src/blob-service/memory.ts';
import {
  runBlobServiceConformance,
  runDirectoryServiceConformance,
} from '../../src/conformance/index.ts';
import { MemoryDirectoryService } from '../../src/directory-service/memory.ts';
import { runner } from './runner.ts';

runBlobServiceConformance(runner, {
  name: 'memory',
  create: async () => new MemoryBlobService(),
  destroy: async () => {},
});

runDirectoryServiceConformance(runner, {
  name: 'memory',
  create: async () => new MemoryDirectoryService(),
  destroy: async () => {},
});
