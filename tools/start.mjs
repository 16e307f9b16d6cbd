// `npm start`: installs, builds, and runs the daemon on a store in the user's state directory.
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { install } from './install.mjs';
import { must, root, run } from './run.mjs';

install();
must(
  'nx',
  ['run-many', '-t', 'build', '--output-style=stream-without-prefixes'],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);

const state = process.env.XDG_STATE_HOME || join(homedir(), '.local/state');
const store = join(state, 'tvix-store');
mkdirSync(store, { recursive: true, mode: 0o700 });

console.error(`
The daemon serves the store ${store} on port 8000. In another terminal, from this folder:

  npx tvix-store import README.md          prints the store path that Nix computes
  npx tvix-store list                      every path in the store
  npx tvix-store cat /nix/store/…          a file out of it
  npx tvix-store --help                    everything else

Ctrl-C ends it.
`);
// The daemon ends on the terminal's own SIGINT, which reaches the whole group; we only wait for it.
process.on('SIGINT', () => {});
process.exitCode = run(process.execPath, [
  join(root, 'packages/cli/dist/main.js'),
  'daemon',
  '--store',
  `local:${store}`,
  ...process.argv.slice(2),
]);
