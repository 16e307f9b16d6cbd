import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NixHttpPathInfoService } from '../../src/path-info-service/nix-http.ts';
import { Substituter } from '../../src/substitution/substituter.ts';
import { Upstream } from '../../src/substitution/upstream.ts';
import { memoryServices, StartedCache } from '../binary-cache/started-cache.ts';
import { collect } from '../fixtures.ts';
import { SLOW_FILE_BYTES, SlowUpstream } from './slow-upstream.ts';

const HALF = SLOW_FILE_BYTES / 2;
const missing = missingMount();

let folder: string;
let upstream: SlowUpstream;
let services: ReturnType<typeof memoryServices>;
let here: StartedCache;

/** A cache that has so much room for what comes in from its upstream. */
async function start(spoolBytes: number): Promise<void> {
  mount('-t', 'tmpfs', '-o', `size=${spoolBytes}`, 'tmpfs', folder);
  const cache = new NixHttpPathInfoService(upstream.url, services);
  const substituter = new Substituter(
    services.pathInfos,
    [new Upstream(cache, {})],
    { spoolFolder: folder },
  );
  const parts = { ...services, substituter } as typeof services;
  here = await StartedCache.start({}, {}, parts);
}

async function open(headers = {}): Promise<IncomingMessage> {
  const { hashPart } = upstream.info.storePath;
  const { text } = await here.get(`/${hashPart}.narinfo`);
  const url = /^URL: (.*)$/m.exec(text)![1]!;
  const request = get(`${here.url}/${url}`, { headers, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

describe('a NAR that an upstream has, where the disk for it is full', () => {
  if (missing !== undefined) {
    it(`is left alone on this machine (skipped: ${missing})`, () => {
      expect(missing).not.toBe('');
    });
    return;
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'full-spool-'));
    upstream = await SlowUpstream.start();
    services = memoryServices();
  });
  afterEach(async () => {
    await here[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
    spawnSync('umount', [folder]);
    rmdirSync(folder);
  });

  it('breaks off its readers, is stored all the same, and is told from there to who asks for the rest', async () => {
    await start(HALF / 2);
    const { nar, info } = upstream;
    const client = open();
    const source = await upstream.answer();
    source.end(nar);
    await expect(collect(await client)).rejects.toThrow('aborted');
    const { digest } = info.storePath;
    expect(await services.pathInfos.get(digest)).toBeDefined();
    const rest = await open({ Range: `bytes=${HALF}-` });
    expect(rest.statusCode).toBe(206);
    expect(nar.subarray(HALF).equals(await collect(rest))).toBe(true);
    expect(
      upstream.asked.filter((url) => url.startsWith('/nar/')),
    ).toHaveLength(1);
  });

  it('is told once it is stored, where there is no room at all', async () => {
    await start(4096);
    mount('-o', 'remount,nr_inodes=1', folder);
    const { nar } = upstream;
    const client = open();
    (await upstream.answer()).end(nar);
    expect(nar.equals(await collect(await client))).toBe(true);
  });
});

/** Why nothing can be mounted here; `undefined` where it can. */
function missingMount(): string | undefined {
  const probe = mkdtempSync(join(tmpdir(), 'full-spool-'));
  try {
    mount('-t', 'tmpfs', '-o', 'size=4096', 'tmpfs', probe);
    spawnSync('umount', [probe]);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    rmdirSync(probe);
  }
}

function mount(...args: string[]): void {
  const { error, status, stderr } = spawnSync('mount', args, {
    encoding: 'utf8',
  });
  if (error !== undefined) throw new Error('no mount', { cause: error });
  if (status !== 0) throw new Error(`mount: ${stderr.trim()}`);
}
