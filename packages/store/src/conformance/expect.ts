import assert from 'node:assert/strict';
import type { PathInfo } from '../path-info/path-info.ts';
import type { PathInfoService } from '../path-info-service/path-info-service.ts';

/** Fails unless both are the same path info to the last byte. */
export function assertSamePathInfo(
  found: PathInfo | undefined,
  expected: PathInfo,
): void {
  assert.equal(found && hex(found.encode()), hex(expected.encode()));
}

/** All that a service lists. */
export async function listAll(
  service: PathInfoService,
  signal?: AbortSignal,
): Promise<PathInfo[]> {
  const all: PathInfo[] = [];
  const options = signal === undefined ? {} : { signal };
  for await (const pathInfo of service.list(options)) all.push(pathInfo);
  return all;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
