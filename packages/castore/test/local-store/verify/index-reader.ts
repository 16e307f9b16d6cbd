/** The program that opens a damaged index, which may end it: it reads everything, and tells how much was right. */
import { openLocalStore } from '../../../src/local-store/open/open-local-store.ts';
import { verifyLocalStore } from '../../../src/local-store/verify/verify-store.ts';
import { Furniture, OPTIONS } from './furnished-store.ts';

const store = await openLocalStore(process.argv[2]!, OPTIONS);
let indexDamages = 0;
await verifyLocalStore(store, {
  onDamage: ({ what }) => {
    if (what === 'index') indexDamages += 1;
  },
});
const furniture = new Furniture();
const { right } = await furniture.read(store);
await store.close();
process.stdout.write(
  JSON.stringify({ right, expected: furniture.size, indexDamages }),
);
