import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

/** Where programs of a test keep what they remember of files: never in the home of whoever runs it. */
export const CACHE_HOME = mkdtempSync(join(tmpdir(), 'tvix-e2e-cache-'));

afterAll(() => rmSync(CACHE_HOME, { recursive: true, force: true }));
