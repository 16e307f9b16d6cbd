// The binary cache: narinfos and NARs against nginx that serves them as files, and uploads and downloads of the real client
// against the same to and from a folder, and to a server that discards: what the client takes by itself.
import { execFileSync, spawn } from 'node:child_process';
import { once as event } from 'node:events';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import {
  against,
  median,
  once,
  PROGRAM,
  tvixStore,
  withScratch,
} from './measure.mjs';

export const title = 'Binary cache';

const PATHS = 200;
const RUNS = 3;
const PATH_BYTES = 5 * 1024 * 1024;
const MANY_FILES = 5000;
const WANTED_FIRST_BYTE_MS = 20;
const LOAD = fileURLToPath(new URL('./binary-cache/load.mjs', import.meta.url));
const DISCARD = fileURLToPath(
  new URL('./binary-cache/discard.mjs', import.meta.url),
);

export function run() {
  return withScratch(async (folder) => {
    const nix = client(folder);
    const paths = await makePaths(folder, nix);
    const rows = [];

    for (const compression of ['none', 'zstd']) {
      const { daemon, seconds } = await uploads(
        folder,
        nix,
        compression,
        paths,
      );
      const ours = {
        name: 'daemon',
        seconds: median(seconds.daemon),
        mib: daemon.peakMiB(),
      };
      rows.push(
        against(
          `\`nix copy --to\`, ${PATHS} paths, 1 GiB, ${compression}`,
          ours,
          { name: 'file://', seconds: median(seconds.file), mib: 0 },
        ),
        against('the same, against a server that discards', ours, {
          name: 'discards',
          seconds: median(seconds.discards),
          mib: 0,
        }),
      );
      if (compression === 'none')
        rows.push(...(await downloads(folder, nix, paths, daemon)));
      await daemon.stop();
      if (compression === 'none') rows.push(await firstByte(folder, paths));
    }
    return rows;
  });
}

/** How long the client takes to each place, in turns; the daemon of the last one goes on, with all paths in its store. */
async function uploads(folder, nix, compression, paths) {
  const seconds = { file: [], daemon: [], discards: [] };
  for (let run = 1; ; run++) {
    const file = `${folder}/file-${compression}`;
    const store = `store-${compression}`;
    rmSync(file, { recursive: true, force: true });
    rmSync(`${folder}/${store}`, { recursive: true, force: true });
    const time = async (url) =>
      (
        await once(
          nix.copyTo(`${url}?compression=${compression}`, paths),
          nix.env,
        )
      ).seconds;
    seconds.file.push(await time(`file://${file}`));
    const daemon = await startDaemon(folder, store);
    seconds.daemon.push(await time(`http://127.0.0.1:${daemon.port}`));
    seconds.discards.push(await discarded(nix, compression, paths));
    if (run === RUNS) return { daemon, seconds };
    await daemon.stop();
  }
}

/** How long the client takes to a server that has nothing to do, in seconds. */
async function discarded(nix, compression, paths) {
  const port = await freePort();
  const child = spawn(process.execPath, [DISCARD, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await event(child.stdout, 'data');
  const url = `http://127.0.0.1:${port}?compression=${compression}`;
  const taken = await once(nix.copyTo(url, paths), nix.env);
  await end(child);
  return taken.seconds;
}

/** How long a daemon that has just started takes to a path info and the first byte of its NAR, nothing in the page cache. */
async function firstByte(folder, paths) {
  const store = `${folder}/store-none`;
  const { stdout: many } = await once(
    `cd '${folder}' && mkdir many && head -c ${MANY_FILES * 512} text | split -b 512 -a 4 - many/f && ${tvixStore(`import --store 'local:${store}' many`)}`,
    { XDG_CACHE_HOME: `${folder}/home` },
  );
  const times = [];
  let peak = 0;
  for (const path of [...paths.slice(0, 4), many]) {
    await once(
      `find '${store}' -type f -exec sync {} ';' -exec dd if={} iflag=nocache count=0 status=none ';'`,
    );
    const daemon = await startDaemon(folder, 'store-none');
    const url = `http://127.0.0.1:${daemon.port}`;
    await ask(`${url}/health`);
    const start = performance.now();
    const narInfo = await ask(`${url}/${path.slice(11, 43)}.narinfo`);
    await ask(`${url}/${/^URL: (.*)$/m.exec(narInfo)[1]}`, 1);
    times.push(performance.now() - start);
    peak = Math.max(peak, daemon.peakMiB());
    await daemon.stop();
  }
  const shown = times.map((time) => time.toFixed(0)).join(', ');
  return {
    work: `first byte of a cold path info and NAR, the last of ${MANY_FILES} files`,
    ours: `${median(times).toFixed(0)} ms (${shown}), ${peak.toFixed(0)} MiB`,
    against: `wanted: ${WANTED_FIRST_BYTE_MS} ms`,
    speed: `${(WANTED_FIRST_BYTE_MS / median(times)).toFixed(2)} ×`,
  };
}

/** The body of a reply, or so many pieces of it. */
function ask(url, pieces = Infinity) {
  return new Promise((resolve, reject) => {
    const request = get(url, (response) => {
      let text = '';
      response.on('data', (piece) => {
        text += piece;
        if (--pieces > 0) return;
        resolve(text);
        request.destroy();
      });
      response.on('end', () => resolve(text));
    });
    request.on('error', reject);
  });
}

async function downloads(folder, nix, paths, daemon) {
  const rows = [];
  const theirs = await once(
    nix.copyFrom(`file://${folder}/file-none`, paths, `${folder}/into-file`),
    nix.env,
  );
  const ours = await once(
    nix.copyFrom(
      `http://127.0.0.1:${daemon.port}`,
      paths,
      `${folder}/into-http`,
    ),
    nix.env,
  );
  rows.push(
    against(
      '`nix copy --from` of the same',
      { name: 'daemon', ...ours, mib: daemon.peakMiB() },
      { name: 'file://', ...theirs },
    ),
  );

  const narInfos = paths.map((path) => `/${path.slice(11, 43)}.narinfo`);
  const nginx = await startNginx(folder, `${folder}/file-none`);
  const narInfoSeconds = { nginx: [], daemon: [] };
  for (let run = 0; run < 5; run++) {
    for (const [name, { port }] of Object.entries({ nginx, daemon })) {
      const { requests, seconds } = await load(port, 16, 2, narInfos);
      narInfoSeconds[name].push((seconds / requests) * 10_000);
    }
  }
  rows.push(
    against(
      '10,000 narinfos, 16 connections, one core each',
      {
        name: 'daemon',
        seconds: median(narInfoSeconds.daemon),
        mib: daemon.peakMiB(),
      },
      { name: 'nginx', seconds: median(narInfoSeconds.nginx), mib: 0 },
    ),
  );

  const urls = async (port) =>
    Promise.all(
      narInfos.map(async (path) => {
        const answer = await fetch(`http://127.0.0.1:${port}${path}`);
        return `/${/^URL: (.*)$/m.exec(await answer.text())[1]}`;
      }),
    );
  const nginxUrls = await urls(nginx.port);
  const daemonUrls = await urls(daemon.port);
  for (const streams of [1, 16]) {
    const seconds = { nginx: [], daemon: [] };
    for (let run = 0; run < RUNS; run++) {
      const slow = await load(nginx.port, streams, 0, nginxUrls);
      const fast = await load(daemon.port, streams, 0, daemonUrls);
      seconds.nginx.push(slow.seconds);
      seconds.daemon.push(fast.seconds);
    }
    rows.push(
      against(
        `NARs of 1 GiB, ${streams} ${streams === 1 ? 'stream' : 'streams'}`,
        {
          name: 'daemon',
          seconds: median(seconds.daemon),
          mib: daemon.peakMiB(),
        },
        { name: 'nginx', seconds: median(seconds.nginx), mib: 0 },
      ),
    );
  }
  await nginx.stop();
  return rows;
}

/** The real client with a home and a store of its own. */
function client(folder) {
  const store = `${folder}/source`;
  mkdirSync(`${folder}/home`);
  const env = {
    HOME: `${folder}/home`,
    NIX_REMOTE: '',
    NIX_CONFIG: 'experimental-features = nix-command\nsubstituters =\n',
  };
  const forget = `rm -rf ${folder}/home/.cache/nix`;
  return {
    env,
    add: (files) =>
      execFileSync('nix-store', ['--store', store, '--add', ...files], {
        env: { ...process.env, ...env },
        maxBuffer: 2 ** 24,
      })
        .toString()
        .trim()
        .split('\n'),
    copyTo: (to, paths) =>
      `${forget}; nix --store ${store} copy --to '${to}' ${paths.join(' ')}`,
    copyFrom: (from, paths, into) =>
      `${forget}; nix --store ${into} copy --no-check-sigs --from '${from}' ${paths.join(' ')}`,
  };
}

/** Paths as programs have them: half of it text, half of it bytes that don't compress. */
async function makePaths(folder, nix) {
  await once(
    `cd '${folder}' && find /usr/share/doc /usr/share/perl* /usr/lib/python3 -type f -size -200k -print0 | (xargs -0 cat || true) 2>/dev/null | head -c 100000000 > text; mkdir paths && for i in $(seq ${PATHS}); do d=paths/p$i; mkdir -p $d; head -c ${PATH_BYTES / 2} /dev/urandom | split -b 65536 -a 3 - $d/r; dd if=text bs=65536 skip=$((i*7)) count=40 status=none | split -b 16384 -a 3 - $d/t; done`,
  );
  return nix.add(
    readdirSync(`${folder}/paths`).map((name) => `${folder}/paths/${name}`),
  );
}

async function startDaemon(folder, name) {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [
      PROGRAM,
      '--json',
      'daemon',
      ...['--store', `local:${folder}/${name}`, '-l', '127.0.0.1:0'],
      ...['--http-listen', `127.0.0.1:${port}`],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  await listening(child.stderr);
  return {
    port,
    peakMiB: () =>
      Number(
        /^VmHWM:\s+(\d+) kB$/m.exec(
          readFileSync(`/proc/${child.pid}/status`, 'utf8'),
        )[1],
      ) / 1024,
    stop: () => end(child),
  };
}

async function startNginx(folder, root) {
  const port = await freePort();
  const config = `${folder}/nginx.conf`;
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log;
events { worker_connections 1024; }
http { access_log off; sendfile on; keepalive_requests 100000000; default_type application/octet-stream;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server { listen 127.0.0.1:${port}; root ${root}; } }
`,
  );
  execFileSync('chmod', ['-R', 'a+rX', folder]);
  const child = spawn('nginx', ['-c', config, '-g', 'user root;'], {
    stdio: 'inherit',
  });
  for (;;) {
    try {
      await fetch(`http://127.0.0.1:${port}/nix-cache-info`);
      break;
    } catch {
      if (child.exitCode !== null) throw new Error('nginx ended');
    }
  }
  return { port, stop: () => end(child) };
}

function load(port, connections, seconds, paths) {
  const printed = execFileSync(
    process.execPath,
    [LOAD, port, connections, seconds, ...paths].map(String),
  );
  return Promise.resolve(JSON.parse(printed.toString()));
}

async function listening(stderr) {
  let text = '';
  for await (const piece of stderr) {
    text += piece;
    if (text.includes('"msg":"listening"')) break;
  }
}

async function end(child) {
  child.kill('SIGTERM');
  await event(child, 'exit');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await event(server, 'listening');
  const { port } = server.address();
  server.close();
  await event(server, 'close');
  return port;
}
