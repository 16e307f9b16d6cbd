import { importPath } from '@tvix/store';
import type { Command } from '../command.ts';
import { CliError } from '../errors.ts';
import { forEachBounded } from '../for-each-bounded.ts';
import { pathInfoJson } from '../path-info-json.ts';
import { withStoreToWrite } from '../with-store.ts';

/** One reads the disk while another waits for the store. */
const CONCURRENT_IMPORTS = 4;

/** Imports paths, and prints each store path when it is there: in the order in which they are done. */
export const importPaths: Command = async (context, { operands }) => {
  if (operands.length === 0) return;
  const { output, progress, logger, json } = context;
  await withStoreToWrite(context, async (store) => {
    let failed = 0;
    await forEachBounded(operands, CONCURRENT_IMPORTS, async (path) => {
      try {
        const pathInfo = await importPath(path, store, {
          onProgress: (done) => progress.report(path, done),
        });
        const storePath = pathInfo.storePath.toAbsolutePath();
        logger.debug({ path, storePath }, 'imported');
        if (json) await output.json({ path, ...pathInfoJson(pathInfo) });
        else await output.line(storePath);
      } catch (error) {
        if (operands.length === 1) throw error;
        if ((error as { readonly code?: unknown }).code === 'cli/output-closed')
          throw error;
        failed++;
        context.reportFailure(
          new CliError('cli/import-failed', `cannot import ${path}`, {
            cause: error,
          }),
        );
      }
    });
    if (failed > 0)
      throw new CliError(
        'cli/some-failed',
        `${failed} of ${operands.length} paths were not imported`,
      );
  });
};
