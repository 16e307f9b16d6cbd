import { MIN_GRACE_MS } from '@tvix/castore';
import type { CollectProgress } from '@tvix/castore';
import type { CollectStoreOptions, CollectStoreResult } from '@tvix/store';
import type { Command, Invocation } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { CliError } from '../errors.ts';
import { formatBytes } from '../format-bytes.ts';
import { keepHeapSmall } from '../keep-heap-small.ts';
import { parseSize } from '../size.ts';
import { withCareToWrite } from '../with-care.ts';

/** Removes what nothing leads to from a store, and tells what that brought. */
export const gc: Command = async (context, { options }) => {
  const rules = rulesOf(options);
  keepHeapSmall();
  const { output, progress, json } = context;
  await withCareToWrite(context, async (care, signal) => {
    const onProgress = (done: CollectProgress): void =>
      progress.tell(progressText(done));
    const result = await care.collect({ ...rules, onProgress, signal });
    if (json) return output.json({ dryRun: rules.dryRun, ...result });
    for (const line of lines(result, rules.dryRun === true))
      await output.line(line);
  });
};

const PHASES = {
  mark: 'roots marked',
  sweep: 'objects looked at',
  rewrite: 'packs rewritten',
} as const;

function progressText({ phase, done }: CollectProgress): string {
  return `${done} ${PHASES[phase]}`;
}

function rulesOf(options: Invocation['options']): CollectStoreOptions {
  const duration = (name: string): number | undefined =>
    options[name] === undefined
      ? undefined
      : parseDuration(String(options[name]));
  const graceMs = duration('grace');
  if (graceMs !== undefined && graceMs < MIN_GRACE_MS)
    throw new CliError(
      'cli/usage',
      `--grace is at least ${MIN_GRACE_MS / 60_000}m: uploads that are under way are safe for so long`,
    );
  return {
    dryRun: options['dryRun'] === true,
    graceMs,
    keepNewerThanMs: duration('keepNewerThan'),
    maxSizeBytes:
      options['maxSize'] === undefined
        ? undefined
        : parseSize(String(options['maxSize'])),
  };
}

function lines(result: CollectStoreResult, dryRun: boolean): string[] {
  const { paths, collected, kept, packs, missing } = result;
  const would = dryRun ? 'would be ' : '';
  const told = [
    `${paths} store paths ${would}forgotten`,
    `${collected.objects} objects ${would}removed (${formatBytes(collected.storedBytes)}), ${kept.objects} kept (${formatBytes(kept.storedBytes)})`,
    `${packs.removed} packs ${would}removed, ${formatBytes(packs.movedBytes)} moved, ${formatBytes(Math.max(0, packs.freedBytes))} freed`,
  ];
  if (packs.left > 0)
    told.push(
      `${packs.left} packs left as they are: they are damaged, or the disk has no room`,
    );
  if (missing > 0)
    told.push(`${missing} objects are missing; tvix-store verify names them`);
  return told;
}
