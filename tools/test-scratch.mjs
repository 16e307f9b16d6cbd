/**
 * Jest's global setup: what tests put under `os.tmpdir()` and into memory lies in a folder of its run, which goes when the
 * run ends. Those of runs that were killed go when the next begins.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
const FOLDER_OF_RUN = /^tvix-tests-(\d+)$/;

export default function setUp() {
  const parents = [tmpdir(), ...(existsSync(MEMORY) ? [MEMORY] : [])];
  for (const parent of parents)
    for (const name of readdirSync(parent)) {
      const pid = FOLDER_OF_RUN.exec(name)?.[1];
      if (pid !== undefined && !isAlive(Number(pid)))
        removeUnmounted(join(parent, name));
    }
  const folders = parents.map((parent) =>
    join(parent, `tvix-tests-${process.pid}`),
  );
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const [scratch, memory] = folders;
  // Workers and what tests start inherit it.
  process.env.TMPDIR = scratch;
  if (memory !== undefined) process.env.TVIX_TEST_MEMORY = memory;
  process.once('exit', () => folders.forEach(removeUnmounted));
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

/** What is mounted below isn't ours to remove; neither is what belongs to somebody else. */
function removeUnmounted(folder) {
  try {
    if (readFileSync('/proc/self/mountinfo', 'utf8').includes(`${folder}/`))
      return;
  } catch {
    // Not Linux: tests mount nothing there.
  }
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // The next run tries again.
  }
}
