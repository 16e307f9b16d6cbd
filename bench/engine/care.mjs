// The local engine with a million objects: each row is a process of its own, with its peak of memory. The commands are timed
// as a whole, the steps of the library within their process.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PROGRAM } from '../measure.mjs';

const DIRECTORIES = 20_000;
const script = (name) => fileURLToPath(new URL(name, import.meta.url));

/** The rows of the table; `folder` is scratch. */
export async function careRows(folder) {
  const store = `${folder}/store`;
  const roots = `${folder}/roots`;
  const copy = `${folder}/copy`;
  await node([script('make-store.mjs'), store, DIRECTORIES, roots]);
  // Before anything is read: what was used of late is kept.
  execFileSync('cp', ['-r', store, copy]);
  const collected = await program(['gc', '--store', `local:${copy}`]);
  execFileSync('rm', ['-r', copy]);

  const step = (name, at) => node([script('step.mjs'), name, at, roots]);
  const opened = await step('open', store);
  const single = await step('read-single', store);
  const batched = await step('read-batched', store);
  const counted = await step('stats', store);
  const verified = await program(['verify', '--store', `local:${store}`]);

  await killWriter(store, roots);
  const recovered = await step('open', store);

  return [
    within('open, 1,000,000 objects', opened, 1),
    within('open after SIGKILL', recovered, 1),
    rate('read 4 KiB, openRead and read', single, 50_000),
    rate('read 4 KiB, getMany of 256', batched, 50_000),
    within('gc of 1,000,000, half of it garbage', collected, 60),
    within('verify', verified, 60),
    within('stats', counted, 2),
  ];
}

/** Runs `tvix-store …`: its seconds, and the peaks of its memory, with and without files that are mapped. */
async function program(args) {
  const started = performance.now();
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let mib = 0;
  let ownMib = 0;
  const sampling = setInterval(() => {
    mib = Math.max(mib, memoryOf(child.pid, 'VmHWM'));
    ownMib = Math.max(ownMib, memoryOf(child.pid, 'RssAnon'));
  }, 50);
  const [code] = await once(child, 'close');
  clearInterval(sampling);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
  return { seconds: (performance.now() - started) / 1000, mib, ownMib };
}

/** A figure of /proc in MiB, 0 once the process is gone. */
function memoryOf(pid, name) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return (
      Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1]) / 1024
    );
  } catch {
    return 0;
  }
}

async function node(args) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    args.map(String),
  );
  return stdout === '' ? undefined : JSON.parse(stdout);
}

/** Ends a process by SIGKILL that has written some 40 MB into the open pack and goes on. */
async function killWriter(store, roots) {
  const writer = spawn(
    process.execPath,
    [script('step.mjs'), 'crash', store, roots],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(writer.stdout, 'data');
  writer.kill('SIGKILL');
  await once(writer, 'close');
}

function within(work, { seconds, mib, ownMib }, wanted) {
  return {
    work,
    ours: `${seconds.toFixed(2)} s, ${mib.toFixed(0)} MiB, ${ownMib.toFixed(0)} without mapped files`,
    against: `wanted: ${wanted} s`,
    speed: `${(wanted / seconds).toFixed(2)} ×`,
  };
}

function rate(work, { perSecond, mib }, wanted) {
  return {
    work,
    ours: `${Math.round(perSecond)}/s, ${mib.toFixed(0)} MiB`,
    against: `wanted: ${wanted}/s`,
    speed: `${(perSecond / wanted).toFixed(2)} ×`,
  };
}
