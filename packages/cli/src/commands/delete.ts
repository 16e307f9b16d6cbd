import type { Command } from '../command.ts';
import { CliError } from '../errors.ts';
import { parseWholeStorePath } from '../store-path-argument.ts';
import { withCareToWrite } from '../with-care.ts';

/** Forgets store paths, and prints those that were there. */
export const deletePaths: Command = async (context, { operands, options }) => {
  const { output, json } = context;
  const storePaths = operands.map(parseWholeStorePath);
  const ignoreReferrers = options['ignoreReferrers'] === true;
  await withCareToWrite(context, async (care, signal) => {
    const { deleted, missing } = await care.deletePaths(storePaths, {
      ignoreReferrers,
      signal,
    });
    for (const storePath of deleted) {
      const path = storePath.toAbsolutePath();
      await (json ? output.json({ deleted: path }) : output.line(path));
    }
    if (missing.length === 0) return;
    const names = missing.map((storePath) => storePath.toAbsolutePath());
    throw new CliError('cli/not-found', `the store has no ${names.join(', ')}`);
  });
};
