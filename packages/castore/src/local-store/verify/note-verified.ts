import type { LocalStore } from '../local-store.ts';
import { Packs } from '../packs/packs.ts';
import { writeScrubState } from './scrub-state.ts';

/** A look at everything that a store holds, once it is over. */
export interface FinishedLook {
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  readonly damages: number;
  /** The numbers of packs with damage. */
  readonly damagedPacks: ReadonlySet<number | undefined>;
}

/** Writes down when the store was looked at, and its packs without damage found sound; not where it is read alone. */
export async function noteVerified(
  store: LocalStore,
  { startedMs, damages, damagedPacks }: FinishedLook,
): Promise<void> {
  const { packs, writing, now } = store.interior;
  await writing?.queue.amend(() => {
    const sound = packs.all().filter(({ number }) => !damagedPacks.has(number));
    for (const pack of sound) pack.verifiedMs = startedMs;
    const finished = { finishedMs: now(), foundDamages: damages };
    return [
      ...sound.map((pack) => Packs.write(pack)),
      writeScrubState(finished),
    ];
  });
}
