import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { ServiceBlobSource } from '../blob-source.ts';
import { FsError } from '../errors.ts';
import type { RequestFailure } from '../request-failures.ts';
import { closeFd } from './attach.ts';
import { loadLibc } from './libc.ts';
import { fromPlainError } from './plain-error.ts';
import { ServiceHost } from './service-host.ts';
import type { LiveServices, ServicesModuleRef } from './services.ts';
import type { SessionOptions } from './session.ts';
import type {
  ServicesData,
  WorkerData,
  WorkerOrder,
  WorkerReport,
} from './worker.ts';

/** Who hears of requests that failed. */
export interface FuseServerListener {
  /**
   * Hears of requests that were answered with EIO, which doesn't say why: the store failed, lacks something, or lies. Of
   * more than 10 in 10 seconds, only the number is told, with the next one.
   */
  readonly onRequestFailed?: (failure: RequestFailure) => void;
}

/** The thread that serves a mount, seen from the one that started it. */
export class FuseServer {
  readonly #worker: Worker;
  readonly #closeServices: () => Promise<void>;
  /** The descriptor to close once the thread has ended; `undefined` where the thread's own handle closes it. */
  #fd: number | undefined;
  readonly #closesFd: boolean;
  /** Resolves when the thread has ended by itself. Rejects with `fs/server-died` or `fs/services-failed` otherwise. */
  readonly ended: Promise<void>;

  private constructor(
    worker: Worker,
    closeServices: () => Promise<void>,
    closesFd: boolean,
    { onRequestFailed }: FuseServerListener,
  ) {
    this.#worker = worker;
    this.#closesFd = closesFd;
    this.#closeServices = closeServices;
    this.#worker.on('message', (report: WorkerReport) => {
      if (report.type !== 'request-failed') return;
      const { operation, error, omitted } = report;
      onRequestFailed?.({ operation, error: fromPlainError(error), omitted });
    });
    this.ended = this.#watch();
    // Whoever waits for the mount hears of it; nobody has to.
    this.ended.catch(() => undefined);
  }

  /**
   * Starts the thread, and waits until it has its services.
   *
   * @throws FsError `fs/services-failed`, `fs/server-died`
   */
  static async start(
    services: LiveServices | ServicesModuleRef,
    session: SessionOptions,
    listener: FuseServerListener = {},
  ): Promise<FuseServer> {
    // Loaded in this thread too, or else the binary leaves memory with the worker while libuv still closes a handle of
    // it: with koffi 3.3.4, `process.exit` and `terminate` end in a segmentation fault then.
    const libc = session.withoutLibc === true ? undefined : loadLibc();
    const { data, close, transfer } = hand(services);
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { services: data, session } satisfies WorkerData,
      transferList: transfer,
      name: 'tvix-fs',
      // Flags that are for the program's own entry alone, as --input-type is, would end it at once.
      execArgv: [],
    });
    const server = new FuseServer(worker, close, libc !== undefined, listener);
    await server.#reported('ready');
    return server;
  }

  /** Serves a descriptor that has a mount behind it by now, and closes it in the end. */
  async serve(fd: number): Promise<void> {
    if (this.#closesFd) this.#fd = fd;
    this.#order({ type: 'serve', fd });
    await this.#reported('serving');
  }

  /** Stops serving. Whoever waits for an answer goes on waiting until the descriptor is closed. */
  stop(): void {
    this.#order({ type: 'stop' });
  }

  /** Ends the thread at once. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #order(order: WorkerOrder): void {
    this.#worker.postMessage(order);
  }

  async #reported(type: WorkerReport['type']): Promise<void> {
    const message = once(this.#worker, 'message') as Promise<[WorkerReport]>;
    message.catch(() => undefined);
    const [report] = await Promise.race([
      message,
      this.ended.then(() => {
        throw new FsError('fs/server-died', 'the serving thread has ended');
      }),
    ]);
    if (report.type !== type) await this.ended;
  }

  async #watch(): Promise<void> {
    let failure: unknown;
    this.#worker.on('message', (report: WorkerReport) => {
      if (report.type === 'failed') failure ??= revive(report.error);
    });
    this.#worker.on('error', (cause) => {
      failure ??= new FsError('fs/server-died', 'the serving thread failed', {
        cause,
      });
    });
    await new Promise((resolve) => this.#worker.once('exit', resolve));
    // Only now: whoever still waits for an answer gets an error from the kernel.
    if (this.#fd !== undefined) await closeFd(this.#fd);
    await this.#closeServices();
    if (failure !== undefined) throw failure;
  }
}

function revive(error: unknown): FsError {
  const { code, message, cause } = error as {
    code?: string;
    message: string;
    cause: unknown;
  };
  const known = code === 'fs/services-failed' || code === 'fs/unsupported';
  return new FsError(known ? code : 'fs/server-died', message, { cause });
}

interface Handed {
  readonly data: ServicesData;
  readonly transfer: MessageChannel['port1'][];
  readonly close: () => Promise<void>;
}

/** Services as the worker takes them: by name, or through a channel that answers from this thread. */
function hand(services: LiveServices | ServicesModuleRef): Handed {
  if ('module' in services) {
    return {
      data: { href: String(services.module), options: services.options },
      transfer: [],
      close: async () => undefined,
    };
  }
  const { port1, port2 } = new MessageChannel();
  const blobs = new ServiceBlobSource(services.blobs);
  const host = new ServiceHost(port1, { ...services, blobs });
  return {
    data: { port: port2, immutable: services.rootNodes.immutable === true },
    transfer: [port2],
    async close() {
      host.close();
      await blobs.close();
    },
  };
}
