import { parsePinTarget } from '@tvix/store';
import type { Pin } from '@tvix/store';
import type { Command } from '../command.ts';
import { CliError } from '../errors.ts';
import { withCareToRead, withCareToWrite } from '../with-care.ts';

/** Pins a store path or a digest under a name. */
export const pinAdd: Command = async (context, { operands }) => {
  const [name = '', text = ''] = operands;
  const target = parsePinTarget(text);
  await withCareToWrite(context, (care, signal) =>
    care.addPin({ name, target }, { signal }),
  );
};

/** Removes a pin. */
export const pinRemove: Command = async (context, { operands }) => {
  const [name = ''] = operands;
  await withCareToWrite(context, async (care, signal) => {
    if (!(await care.removePin(name, { signal })))
      throw new CliError('cli/not-found', `there is no pin "${name}"`);
  });
};

/** Prints all pins. */
export const pinList: Command = async (context) => {
  const { output, json } = context;
  await withCareToRead(context, async (care, signal) => {
    for await (const pin of care.listPins({ signal })) {
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
