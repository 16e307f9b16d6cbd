import { parsePinTarget, Pins } from '@tvix/store';
import type { Pin } from '@tvix/store';
import type { Command } from '../command.ts';
import { CliError } from '../errors.ts';
import { requireLocalStore } from '../local-store-argument.ts';
import { requirePathInfo } from '../store-path-argument.ts';
import { withStoreToRead, withStoreToWrite } from '../with-store.ts';

/** Pins a store path or a digest under a name. */
export const pinAdd: Command = async (context, { operands }) => {
  const [name = '', text = ''] = operands;
  const target = parsePinTarget(text);
  await withStoreToWrite(context, async (store) => {
    if (target.type === 'path') await requirePathInfo(store, target.storePath);
    else {
      const found =
        (await store.directories.get(target.digest)) !== undefined ||
        (await store.blobs.has(target.digest));
      if (!found)
        throw new CliError('cli/not-found', `the store has no ${text}`);
    }
    await new Pins(requireLocalStore(store)).add({ name, target });
  });
};

/** Removes a pin. */
export const pinRemove: Command = async (context, { operands }) => {
  const [name = ''] = operands;
  await withStoreToWrite(context, async (store) => {
    if (!(await new Pins(requireLocalStore(store)).remove(name)))
      throw new CliError('cli/not-found', `there is no pin "${name}"`);
  });
};

/** Prints all pins. */
export const pinList: Command = async (context) => {
  const { output, json } = context;
  await withStoreToRead(context, async (store) => {
    for await (const pin of new Pins(requireLocalStore(store)).list()) {
      const target = textOf(pin);
      if (json) await output.json({ name: pin.name, target });
      else await output.line(`${pin.name} ${target}`);
    }
  });
};

function textOf({ target }: Pin): string {
  return target.type === 'path'
    ? target.storePath.toAbsolutePath()
    : target.digest.toString();
}
