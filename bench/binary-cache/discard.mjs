// node discard.mjs PORT: a binary cache that has nothing and throws away what it gets, to tell what a client takes by itself.
import { createServer } from 'node:http';

const INFO = 'StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n';

const server = createServer((request, response) => {
  request.resume();
  if (request.url === '/nix-cache-info') return void response.end(INFO);
  request.on('end', () => {
    response.writeHead(request.method === 'PUT' ? 200 : 404);
    response.end();
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', () =>
  console.log('listening'),
);
