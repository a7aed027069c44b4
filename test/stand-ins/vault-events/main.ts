import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { neverIdle } from '../../peers/forward.ts';
import type { Happening } from './notifications.ts';
import { type Fault, startVaultEvents } from './start.ts';

const HELP = `A stand-in for the event notifications of Vault Enterprise (sys/events/subscribe), on loopback.

usage: node test/stand-ins/vault-events/main.ts [options]

  --port N             port of the stand-in; 0 (the default) takes a free one
  --admin-port N       port that tells it what happens; 0 (the default) takes a free one
  --token TOKEN        a token that may subscribe to kv* and hear of every secret; may be repeated (default: events)
  --until-stdin-ends   also stop when standard input ends, so that a parent that dies takes it along
  --help               this text

Once ready it prints one line of JSON: {"address": "http://…", "adminUrl": "http://…"}. Then, at the admin port:

  POST /happen  {"type": "kv-v2/data-write", "namespace": "", "mount": "secret", "name": "app", "version": 2}
  POST /send    any text, sent as it is
  POST /drop    ends every connection
  POST /fault   sealed, unsupported, silent or hang; empty = none
  GET  /        {"connections": 1, "requests": […]}
`;
const HOST = '127.0.0.1';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      'admin-port': { type: 'string', default: '0' },
      token: { type: 'string', multiple: true, default: ['events'] },
      'until-stdin-ends': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const tokens = Object.fromEntries(values.token.map((token) => [token, { read: ['kv*'], subscribe: ['*'] }]));
  const events = await startVaultEvents({ port: Number(values.port), tokens });
  const does: Readonly<Record<string, (body: string) => void>> = {
    '/happen': (body) => events.happen(JSON.parse(body) as Happening),
    '/send': (body) => events.send(body),
    '/drop': () => events.drop(),
    '/fault': (body) => events.fault(body === '' ? null : (body as Fault)),
  };
  const admin = createServer(neverIdle, async (request, response): Promise<void> => {
    const act = does[request.url ?? ''];
    const body = await text(request);
    try {
      if (request.method === 'POST') act?.(body);
    } catch {
      response.writeHead(400).end('the body is not JSON\n');
      return;
    }
    const { connections, requests } = events;
    response.writeHead(act || request.url === '/' ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ connections, requests: requests.map(({ url, namespace }) => ({ url, namespace })) }));
  });
  admin.listen(Number(values['admin-port']), HOST);
  await once(admin, 'listening');
  const stop = (): void => {
    void events.stop();
    admin.close();
    admin.closeAllConnections();
    process.stdin.destroy();
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  if (values['until-stdin-ends']) process.stdin.once('end', stop).resume();
  const { port } = admin.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ address: events.address, adminUrl: `http://${HOST}:${port}` })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`vault-events stand-in: ${error instanceof Error ? error.message : 'failed'}\n`);
  process.exit(2);
});
