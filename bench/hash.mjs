// BLAKE3 of 512 MiB in memory on one thread, native and wasm, against b3sum.
import { createHasher, hashBytes, hasherName } from '@tvix/castore';
import { median, once, withScratch } from './measure.mjs';

export const title = 'BLAKE3 of 512 MiB, one thread';

const BYTES = 512 * 1024 * 1024;

export function run() {
  return withScratch(async (folder) => {
    const file = `${folder}/zeros`;
    await once(`head -c ${BYTES} /dev/zero > '${file}'`);
    const input = new Uint8Array(BYTES);
    const theirs = [];
    const whole = [];
    const pieces = { native: [], wasm: [] };
    for (let round = 0; round < 3; round++) {
      theirs.push((await once(`b3sum --num-threads 1 '${file}'`)).seconds);
      whole.push(timed(() => hashBytes(input)));
      for (const implementation of Object.keys(pieces)) {
        pieces[implementation].push(
          timed(() => {
            const hasher = createHasher(implementation);
            for (let at = 0; at < BYTES; at += 1 << 20)
              hasher.update(input.subarray(at, at + (1 << 20)));
            hasher.digest();
          }),
        );
      }
    }
    const base = median(theirs);
    const row = (work, seconds) => ({
      work,
      'MB/s': (BYTES / 1e6 / seconds).toFixed(0),
      against: `b3sum --num-threads 1: ${(BYTES / 1e6 / base).toFixed(0)} MB/s`,
      speed: `${(base / seconds).toFixed(2)} ×`,
    });
    return [
      row(`at once (${hasherName()})`, median(whole)),
      row('in pieces of 1 MiB, native', median(pieces.native)),
      row('in pieces of 1 MiB, wasm', median(pieces.wasm)),
    ];
  });
}

function timed(work) {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}
