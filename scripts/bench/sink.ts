import { createServer } from 'node:http';

/**
 * The least that a server in Node can do with what it is sent: count its bytes. A GET tells the processor time used so
 * far, in seconds. Ends when its standard input does.
 */
let bytes = 0;
const server = createServer((request, response) => {
  if (request.method === 'GET') {
    const { user, system } = process.cpuUsage();
    response.end(String((user + system) / 1e6));
    return;
  }
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on('end', () => response.writeHead(200, { 'content-length': 0 }).end());
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}/`);
});
process.stdin.resume().once('end', () => {
  console.error(`  the sink has counted ${(bytes / 1e9).toFixed(1)} GB`);
  process.exit(0);
});
