import { scanIndex } from '../index/index-scan.ts';
import { IndexSpace, type StoreIndex } from '../index/store-index.ts';
import { type Damage, indexDamage } from './damage.ts';

/** What is written meanwhile can make both numbers agree by chance, or differ: one count says little. */
const ATTEMPTS = 3;

/**
 * Whether the index holds as many keys as it says to; `undefined` where it does, or so much is written that it can't be
 * told.
 */
export async function countKeys(
  index: StoreIndex,
): Promise<Damage | undefined> {
  let damage: Damage | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = index.count();
    let counted = 0;
    for (const space of Object.values(IndexSpace))
      for await (const page of scanIndex(index, space)) counted += page.length;
    const after = index.count();
    if (before !== after) continue;
    if (counted === after) return undefined;
    damage = indexDamage(`it says to hold ${after} keys and holds ${counted}`);
  }
  return damage;
}
