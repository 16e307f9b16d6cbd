// What the local engine does by itself, against what is wanted of it.
import { againRows } from './engine/again.mjs';
import { careRows } from './engine/care.mjs';
import { withScratch } from './measure.mjs';

export const title = 'The local engine';

export async function run() {
  return [...(await withScratch(againRows)), ...(await withScratch(careRows))];
}
