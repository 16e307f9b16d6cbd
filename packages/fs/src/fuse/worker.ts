/** The thread that serves the kernel. It does nothing else, and touches no path: any might lie under the mount. */
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { toPlainError } from './plain-error.ts';
import type { PlainError } from './plain-error.ts';
import { ServiceClient } from './service-client.ts';
import { openModuleServices } from './services.ts';
import type { ClosableServices } from './services.ts';
import { FuseSession } from './session.ts';
import type { SessionOptions } from './session.ts';
import { SpillFile } from './spill-file.ts';

/** Where the worker gets its services from. */
export type ServicesData =
  | { readonly port: MessagePort; readonly immutable: boolean }
  | { readonly href: string; readonly options: unknown };

/** What the worker is told: first the services, and the descriptor once there is a mount behind it. */
export interface WorkerData {
  readonly services: ServicesData;
  readonly session: SessionOptions;
}

/** What the worker is told later on. */
export type WorkerOrder =
  { readonly type: 'serve'; readonly fd: number } | { readonly type: 'stop' };

/** What the worker tells. */
export type WorkerReport =
  | { readonly type: 'ready' }
  | { readonly type: 'serving' }
  | {
      readonly type: 'request-failed';
      readonly operation: string;
      readonly error: PlainError;
      readonly omitted: number;
    }
  | { readonly type: 'failed'; readonly error: unknown };

const main = parentPort!;
const { services: data, session: options } = workerData as WorkerData;

function openServices(): Promise<ClosableServices> | ClosableServices {
  if ('href' in data) return openModuleServices(data.href, data.options);
  const { port, immutable } = data;
  return {
    ...new ServiceClient(port).services(immutable),
    close: async () => port.close(),
  };
}

function report(message: WorkerReport): void {
  main.postMessage(message);
}

async function serve(
  services: ClosableServices,
  spill: SpillFile,
  fd: number,
): Promise<void> {
  const session = new FuseSession(
    fd,
    services,
    spill,
    options,
    ({ operation, error, omitted }) => {
      const plain = toPlainError(error);
      report({ type: 'request-failed', operation, error: plain, omitted });
    },
  );
  main.on('message', (order: WorkerOrder) => {
    if (order.type === 'stop') session.stop();
  });
  report({ type: 'serving' });
  await session.ended;
}

try {
  const services = await openServices();
  try {
    const spill = new SpillFile(options.spill);
    const order = new Promise<WorkerOrder>((resolve) =>
      main.once('message', resolve),
    );
    report({ type: 'ready' });
    const first = await order;
    if (first.type === 'serve') await serve(services, spill, first.fd);
  } finally {
    // What is left open would keep this thread alive.
    await services.close();
  }
} catch (error) {
  const { code, message, cause } = error as Error & { code?: string };
  const told = cause === undefined ? undefined : String(cause);
  report({ type: 'failed', error: { code, message, cause: told } });
}
main.close();
