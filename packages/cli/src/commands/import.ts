import { FileCache, importPath, localTreeUpload } from '@tvix/store';
import type { Command, CommandContext } from '../command.ts';
import { compileLess } from '../compile-less.ts';
import { defaultClientStore } from '../config.ts';
import { CliError } from '../errors.ts';
import { fileCacheFile } from '../file-cache-file.ts';
import { forEachBounded } from '../for-each-bounded.ts';
import { pathInfoJson } from '../path-info-json.ts';
import { withStoreToWrite } from '../with-store.ts';

/** One reads the disk while another waits for the store. */
const CONCURRENT_IMPORTS = 4;

/** Imports paths, and prints each store path when it is there: in the order in which they are done. */
export const importPaths: Command = async (context, invocation) => {
  const { operands, options } = invocation;
  if (operands.length === 0) return;
  compileLess();
  const { output, progress, logger, json } = context;
  const files =
    options['fileCache'] === false ? undefined : loadFileCache(context);
  await withStoreToWrite(context, async (store) => {
    const { narCalculation, localStore, isAllLocal } = store;
    const known = files && { files, narCalculation };
    let failed = 0;
    await forEachBounded(operands, CONCURRENT_IMPORTS, async (path) => {
      try {
        const pathInfo = await importPath(path, store, {
          ...(known && { known }),
          ...(isAllLocal &&
            localStore && { openUpload: () => localTreeUpload(localStore) }),
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
    if (files !== undefined) saveFileCache(files, context);
    if (failed > 0)
      throw new CliError(
        'cli/some-failed',
        `${failed} of ${operands.length} paths were not imported`,
      );
  });
};

function loadFileCache({
  addresses,
  env,
}: CommandContext): FileCache | undefined {
  const file = fileCacheFile(addresses(defaultClientStore()), env);
  return file === undefined ? undefined : FileCache.load(file);
}

/** What can't be remembered is read again. */
function saveFileCache(files: FileCache, { logger }: CommandContext): void {
  try {
    files.save();
  } catch (error) {
    logger.debug({ err: error }, 'the file cache was not saved');
  }
}
