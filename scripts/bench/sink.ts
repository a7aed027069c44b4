import { createServer, type RequestListener } from 'node:http';
import express from 'express';

/**
 * The least that a server in Node can do with what it is sent: count its bytes; with the argument `express`, as a route of
 * Express. A GET tells the processor time used so far, in seconds. Ends when its standard input does.
 */
let bytes = 0;

const count: RequestListener = (request, response) => {
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on('end', () => response.writeHead(200, { 'content-length': 0 }).end());
};

const tellProcessorTime: RequestListener = (_request, response) => {
  const { user, system } = process.cpuUsage();
  response.end(String((user + system) / 1e6));
};

function withExpress(): RequestListener {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.post('/events', count);
  app.get('/events', tellProcessorTime);
  return app;
}

const bare: RequestListener = (request, response) =>
  (request.method === 'GET' ? tellProcessorTime : count)(request, response);

const server = createServer(process.argv[2] === 'express' ? withExpress() : bare);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}/events`);
});
process.stdin.resume().once('end', () => {
  console.error(`  the sink has counted ${(bytes / 1e9).toFixed(1)} GB`);
  process.exit(0);
});
