import type { Damage, LostRecord } from '@tvix/castore';
import type {
  PathDamage,
  StoreCare,
  VerifyStoreOptions,
  VerifyStoreResult,
} from '@tvix/store';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../errors.ts';
import { formatBytes } from '../format-bytes.ts';
import { keepHeapSmall } from '../keep-heap-small.ts';
import { withCareToRead, withCareToWrite } from '../with-care.ts';

/** Verifies a store, and mends it where asked. Prints each damage, what was lost, and what was looked at. */
export const verify: Command = (context, { options }) => {
  keepHeapSmall();
  return options['repair'] === true
    ? withCareToWrite(context, (care, signal) => repair(context, care, signal))
    : withCareToRead(context, (care, signal) => look(context, care, signal));
};

async function look(
  context: CommandContext,
  care: StoreCare,
  signal: AbortSignal,
): Promise<void> {
  const result = await care.verify(reporting(context, signal));
  const damages = result.damages + result.damagedPaths;
  await summarize(context, { ...result });
  if (damages > 0)
    throw new CliError(
      'cli/store-damaged',
      `${damages} damages; --repair mends what can be mended`,
    );
}

async function repair(
  context: CommandContext,
  care: StoreCare,
  signal: AbortSignal,
): Promise<void> {
  const result = await care.repair(reporting(context, signal));
  const { lost, ...counts } = result;
  for (const record of lost) await printLost(context, record);
  await summarize(context, { ...counts, lost: lost.length });
  if (result.isIndexDamaged)
    throw new CliError(
      'cli/store-damaged',
      'the index is damaged, and is made again from the packs when the daemon starts next: restart it, then verify again',
    );
  const left = lost.length + result.damagedPaths;
  if (left > 0)
    throw new CliError(
      'cli/store-damaged',
      `${lost.length} records are lost and ${result.damagedPaths} store paths not whole; storing the same contents again brings them back`,
    );
}

function reporting(
  { output, progress, json }: CommandContext,
  signal: AbortSignal,
): VerifyStoreOptions {
  return {
    signal,
    onProgress: ({ records, bytes, paths }) =>
      progress.tell(
        `${records} records, ${formatBytes(bytes)}, ${paths} store paths`,
      ),
    onDamage(damage) {
      const { what, fault, message } = damage;
      const of = subjectOf(damage);
      progress.clear();
      const told = json
        ? output.json({ damage: { what, fault, of, message } })
        : output.line(`${fault} ${what}${of && ` ${of}`}: ${message}`);
      // Whoever flushes gets the failure.
      told.catch(() => {});
    },
  };
}

/** What a damage is of; empty where it has no name. */
function subjectOf(damage: Damage | PathDamage): string {
  if (damage.what === 'path-info')
    return damage.storePath?.toAbsolutePath() ?? '';
  const { digest, pack } = damage;
  if (digest !== undefined) return digest.toString();
  return pack === undefined ? '' : `in pack ${pack}`;
}

async function printLost(
  { output, json }: CommandContext,
  { what, digest, table, key }: LostRecord,
): Promise<void> {
  const name =
    digest?.toString() ?? `${table} ${Buffer.from(key ?? []).toString('hex')}`;
  if (json) await output.json({ lost: { what, name } });
  else await output.line(`lost ${what} ${name}`);
}

async function summarize(
  { output, json }: CommandContext,
  counts: VerifyStoreResult & Readonly<Record<string, number | boolean>>,
): Promise<void> {
  if (json) return output.json({ summary: counts });
  const { records, bytes, paths, unreferenced } = counts;
  await output.line(
    `looked at ${records} records (${formatBytes(bytes)}) and ${paths} store paths; ${unreferenced} records are garbage`,
  );
  if (counts['isIndexRebuilt'] === true)
    await output.line('the index was made again from the packs');
  if (Number(counts['quarantinedPacks'] ?? 0) > 0)
    await output.line(
      `${counts['quarantinedPacks']} packs were moved to the quarantine`,
    );
}
