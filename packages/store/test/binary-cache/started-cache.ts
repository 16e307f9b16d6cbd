import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MemoryBlobService, MemoryDirectoryService } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import {
  buildNarPath,
  encodeNixBase32,
  formatNarInfo,
  StorePath,
} from '@tvix/nar';
import type { NarInfo } from '@tvix/nar';
import { createHash } from 'node:crypto';
import { BinaryCache } from '../../src/binary-cache/binary-cache.ts';
import type {
  BinaryCacheOptions,
  BinaryCacheServices,
} from '../../src/binary-cache/context.ts';
import { createBinaryCacheServer } from '../../src/binary-cache/http-server.ts';
import type { ServedRequest } from '../../src/binary-cache/served-request.ts';
import type { BinaryCacheServerOptions } from '../../src/binary-cache/http-server.ts';
import type { CacheServer } from '../../src/binary-cache/server-sockets.ts';
import { MemoryCacheTable } from '../../src/binary-cache/table.ts';
import { openAccess } from '../../src/binary-cache/tokens.ts';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import { renderNar } from '../../src/nar/render.ts';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { MemoryPathInfoService } from '../../src/path-info-service/memory.ts';
import { collect } from '../fixtures.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** Whether the server asked for the body. */
  readonly continued: boolean;
}

/** A store in memory. */
export function memoryServices(): BinaryCacheServices & {
  blobs: MemoryBlobService;
  directories: MemoryDirectoryService;
  pathInfos: MemoryPathInfoService;
} {
  const blobs = new MemoryBlobService();
  const directories = new MemoryDirectoryService();
  return {
    blobs,
    directories,
    pathInfos: new MemoryPathInfoService(),
    narCalculation: new RenderingNarCalculation({ blobs, directories }),
    tables: {
      nars: new MemoryCacheTable(),
      logs: new MemoryCacheTable(),
      realisations: new MemoryCacheTable(),
      debugInfo: new MemoryCacheTable(),
    },
  };
}

/** A binary cache on a socket of its own. */
export class StartedCache<
  Services extends BinaryCacheServices = ReturnType<typeof memoryServices>,
> implements AsyncDisposable {
  readonly server: CacheServer;
  readonly port: number;
  readonly services: Services;
  readonly served: ServedRequest[];

  private constructor(
    server: CacheServer,
    services: Services,
    served: ServedRequest[],
  ) {
    this.server = server;
    this.services = services;
    this.served = served;
    this.port = (server.address() as AddressInfo).port;
  }

  static start(
    options?: BinaryCacheOptions,
    serverOptions?: Partial<BinaryCacheServerOptions>,
  ): Promise<StartedCache>;
  static start<Services extends BinaryCacheServices>(
    options: BinaryCacheOptions | undefined,
    serverOptions: Partial<BinaryCacheServerOptions> | undefined,
    services: Services,
  ): Promise<StartedCache<Services>>;
  static async start(
    options: BinaryCacheOptions = {},
    serverOptions: Partial<BinaryCacheServerOptions> = {},
    services: BinaryCacheServices = memoryServices(),
  ): Promise<StartedCache<BinaryCacheServices>> {
    const served: ServedRequest[] = [];
    const server = createBinaryCacheServer(new BinaryCache(services, options), {
      access: openAccess(['read', 'write']),
      onRequest: (request) => served.push(request),
      ...serverOptions,
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new StartedCache(server, services, served);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** One request on a connection of its own. */
  async ask(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: Uint8Array,
  ): Promise<Answer> {
    const outgoing = request({
      port: this.port,
      host: '127.0.0.1',
      method,
      path,
      agent: false,
      headers: {
        ...(body && { 'Content-Length': String(body.length) }),
        ...headers,
      },
    });
    let continued = false;
    if (headers['Expect'] === undefined) outgoing.end(body);
    else {
      outgoing.on('continue', () => {
        continued = true;
        outgoing.end(body);
      });
      outgoing.flushHeaders();
    }
    const [response] = (await once(outgoing, 'response')) as [
      import('node:http').IncomingMessage,
    ];
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    if (!outgoing.writableEnded) outgoing.destroy();
    const bytes = Buffer.concat(pieces);
    return {
      status: response.statusCode!,
      headers: response.headers,
      body: bytes,
      text: bytes.toString(),
      continued,
    };
  }

  get(path: string, headers?: Record<string, string>): Promise<Answer> {
    return this.ask('GET', path, headers);
  }

  put(
    path: string,
    body: Uint8Array | string,
    headers?: Record<string, string>,
  ): Promise<Answer> {
    return this.ask('PUT', path, headers, Buffer.from(body));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** Puts a tree into the store, as an import would. */
export async function addTree(
  services: ReturnType<typeof memoryServices>,
  name: string,
  node: Node,
  references: readonly StorePath[] = [],
): Promise<PathInfo> {
  const { narSha256, narSize } =
    await services.narCalculation.calculateNar(node);
  const storePath = buildNarPath(name, narSha256, { references });
  const pathInfo = PathInfo.create(storePath, node, {
    narSha256,
    narSize,
    references,
    signatures: [],
    deriver: undefined,
    ca: { type: 0, digest: narSha256 },
  });
  return services.pathInfos.put(pathInfo);
}

export async function narOf(
  services: ReturnType<typeof memoryServices>,
  node: Node,
): Promise<Buffer> {
  return Buffer.from(await collect(renderNar(node, services)));
}

/** The name under which a client uploads a file. */
export function fileName(file: Uint8Array, suffix = ''): string {
  const hash = createHash('sha256').update(file).digest();
  return `nar/${encodeNixBase32(new Uint8Array(hash))}.nar${suffix}`;
}

/** A narinfo of a plain NAR, as a client writes it; fields can be other than they should. */
export function narInfoOf(
  nar: Uint8Array,
  change: Partial<NarInfo> = {},
): { storePath: StorePath; text: string } {
  const narSha256 = new Uint8Array(createHash('sha256').update(nar).digest());
  const storePath =
    change.storePath ??
    StorePath.parse('00000000000000000000000000000001-built');
  const text = formatNarInfo({
    storePath,
    url: fileName(nar),
    compression: 'none',
    fileSha256: narSha256,
    fileSize: BigInt(nar.length),
    narSha256,
    narSize: BigInt(nar.length),
    references: [],
    signatures: [],
    ...change,
  });
  return { storePath, text };
}
