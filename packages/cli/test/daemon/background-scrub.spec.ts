import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalStore } from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import { startScrub } from '../../src/daemon/background-scrub.ts';
import { createLogger } from '../../src/logging.ts';

const logger = createLogger({
  level: 'error',
  json: true,
  colours: false,
  write: () => {},
});

let folder: string;
let store: LocalStore;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-scrub-'));
  store = await openLocalStore(folder, { reserveBytes: 0 });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

describe('looking for damage in the background', () => {
  it('is on by default, and off at a rate of 0', async () => {
    const scrub = startScrub(store, {}, logger);
    expect(scrub).toBeDefined();
    await scrub!.stop();
    expect(startScrub(store, { scrubRate: '0' }, logger)).toBeUndefined();
  });

  it('is off where the store is open for reading alone', async () => {
    await store.close();
    store = await openLocalStore(folder, { readOnly: true });
    expect(startScrub(store, {}, logger)).toBeUndefined();
  });

  it.each([
    { scrubRate: 'fast' },
    { scrubInterval: 'often' },
    { scrubInterval: '59s' },
  ])('refuses %j', (flags) => {
    expect(() => startScrub(store, flags, logger)).toThrow(
      expect.objectContaining({ code: 'cli/usage' }),
    );
  });
});
