// node load.mjs PORT CONNECTIONS SECONDS PATH… : asks for the paths in turn on keep-alive connections, as fast as they are
// answered, without looking at what comes; prints {requests, bytes, seconds, firstByteMs}. 0 seconds: each path once.
import { connect } from 'node:net';

const [port, connections, seconds, ...paths] = process.argv.slice(2);
const limit = Number(seconds) * 1000;
const start = performance.now();
let next = 0;
let requests = 0;
let bytes = 0;
let firstByteMs;

function take() {
  if (limit === 0) return paths[next++];
  return performance.now() - start > limit
    ? undefined
    : paths[next++ % paths.length];
}

function ask() {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1').setNoDelay(true);
    let left = 0;
    let head = Buffer.alloc(0);
    const send = () => {
      const path = take();
      if (path === undefined) return void socket.destroy();
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    };
    socket.on('data', (piece) => {
      firstByteMs ??= performance.now() - start;
      bytes += piece.length;
      if (left === 0) {
        head = head.length === 0 ? piece : Buffer.concat([head, piece]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        const text = head.toString('latin1', 0, end);
        if (!text.startsWith('HTTP/1.1 200'))
          return reject(new Error(text.split('\r\n', 1)[0]));
        left = Number(/^content-length: (\d+)/im.exec(text)[1]);
        left -= head.length - end - 4;
        head = Buffer.alloc(0);
      } else {
        left -= piece.length;
      }
      if (left === 0) {
        requests++;
        send();
      }
    });
    socket.on('close', resolve);
    socket.on('error', reject);
    send();
  });
}

await Promise.all(Array.from({ length: Number(connections) }, ask));
console.log(
  JSON.stringify({
    requests,
    bytes,
    seconds: (performance.now() - start) / 1000,
    firstByteMs,
  }),
);
