import { describe } from '@jest/globals';
import { loadVirtiofsLibc } from '../../src/virtiofs/libc.ts';

/** A suite that needs Linux and koffi. Where they are missing it is left out, which is said on stderr. */
export function describeVirtiofs(name: string, body: () => void): void {
  const isMissing = loadVirtiofsLibc() === undefined;
  if (isMissing)
    process.stderr.write(`skipped: ${name}: needs Linux and koffi\n`);
  (isMissing ? describe.skip : describe)(name, body);
}
