// Times whole programs: wall clock and peak memory as the kernel counts them, contenders in turn, medians quoted.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROGRAM = fileURLToPath(
  new URL('../packages/cli/dist/main.js', import.meta.url),
);

/** `tvix-store …` for a shell. */
export function tvixStore(args) {
  return `'${process.execPath}' '${PROGRAM}' ${args}`;
}

/** A folder for one table. */
export async function withScratch(work) {
  const folder = mkdtempSync(
    join(process.env.BENCH_DIR ?? tmpdir(), 'tvix-bench-'),
  );
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a shell command once: seconds and the peak of its largest process in MiB. */
export function once(command, env = {}) {
  return new Promise((resolve, reject) => {
    const folder = mkdtempSync(join(tmpdir(), 'tvix-time-'));
    const report = join(folder, 'time');
    const child = spawn(
      '/usr/bin/time',
      ['-f', '%e %M', '-o', report, 'bash', '-o', 'pipefail', '-c', command],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        // Certificates of the machine, which Node would parse at each start, are none of what is measured.
        env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined, ...env },
      },
    );
    let stdout = '';
    let stderr = '';
    child.stdout.on(
      'data',
      (chunk) => (stdout = (stdout + chunk).slice(-4096)),
    );
    child.stderr.on(
      'data',
      (chunk) => (stderr = (stderr + chunk).slice(-4096)),
    );
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0)
        return reject(new Error(`${command}\nended with ${code}\n${stderr}`));
      const [seconds, kib] = readFileSync(report, 'utf8')
        .trim()
        .split('\n')
        .at(-1)
        .split(' ')
        .map(Number);
      rmSync(folder, { recursive: true, force: true });
      resolve({ seconds, mib: kib / 1024, stdout: stdout.trim() });
    });
  });
}

/**
 * Runs contenders in turn, A B A B, after one warm-up each; medians of the wall clock.
 * A contender is { name, command, before?, env? }; `before` runs untimed ahead of each run.
 */
export async function race(contenders, { runs = 3, warmups = 1 } = {}) {
  const results = contenders.map(({ name }) => ({ name, all: [], mib: 0 }));
  for (let round = 0; round < warmups + runs; round++) {
    for (const [index, { command, before, env }] of contenders.entries()) {
      if (before) await once(before, env);
      const { seconds, mib } = await once(command, env);
      if (round < warmups) continue;
      results[index].all.push(seconds);
      results[index].mib = Math.max(results[index].mib, mib);
    }
  }
  return results.map(({ name, all, mib }) => ({
    name,
    seconds: median(all),
    mib,
  }));
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** A row that says how many times as fast as the other the first is. */
export function against(work, ours, theirs) {
  return {
    work,
    ours: `${ours.seconds.toFixed(2)} s, ${ours.mib.toFixed(0)} MiB`,
    against: `${theirs.name}: ${theirs.seconds.toFixed(2)} s`,
    speed: `${(theirs.seconds / ours.seconds).toFixed(2)} ×`,
  };
}

export function table(rows) {
  const keys = Object.keys(rows[0]);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [
    line(keys),
    line(keys.map(() => '---')),
    ...rows.map((row) => line(keys.map((key) => row[key]))),
  ].join('\n');
}
