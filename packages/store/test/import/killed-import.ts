/**
 * The program that is killed while it remembers a tree: it imports one into a local store as the command does, and has the
 * system end it at a point of the way.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { openLocalStore } from '@tvix/castore';
import { RememberingImport } from './remembering-import.ts';

const [point, tree, store, cache, now] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
Date.now = () => Number(now);
// Of all that an import renames, that is the record: in its place at once, or not at all.
const { renameSync } = fs;
fs.renameSync = (from, to) => {
  if (String(to).startsWith(`${cache}/trees/`)) reach('with a record beside');
  renameSync(from, to);
};
syncBuiltinESMExports();

const localStore = await openLocalStore(store, {
  reserveBytes: 0,
  threads: 0,
  now: () => Date.now(),
});
const { receipts } = localStore;
const give = receipts!.give.bind(receipts);
receipts!.give = async (moment) => {
  reach('without a receipt');
  const receipt = await give(moment);
  reach('without a record');
  return receipt;
};
const importing = new RememberingImport(localStore, cache, { receipts });
importing.store.pathInfos.put = async () => {
  reach('without a path info');
  throw new Error(`there is no point "${point}"`);
};
await importing.run(tree);

function reach(here: string): void {
  if (here === point) process.kill(process.pid, 'SIGKILL');
}
