import { once } from 'node:events';
import type { Server as NetServer } from 'node:net';
import { parseArgs } from 'node:util';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { type AdminOptions, createAdmin } from './admin.ts';
import { checkCaller } from './callers.ts';
import { createFaultSwitch } from './faults.ts';
import { PERMISSIONS } from './permissions.ts';
import { createQuota } from './quota.ts';
import type { Project } from './resources.ts';
import { createRest } from './rest.ts';
import { createAnswer, createService, loadServiceDefinition, type RequestRecord } from './service.ts';
import { createSettling } from './settling.ts';
import { createStore } from './store.ts';
import { caFile, createFront, portOf } from './tls.ts';

const HELP = `A stand-in for GCP Secret Manager: Google's gRPC and REST interfaces on loopback, in memory, with and without TLS.

usage: node test/stand-ins/gcp-secret-manager/main.ts [options]

  --port N             port for gRPC without TLS; 0 (the default) takes a free one
  --rest-port N        port for REST without TLS; 0 (the default) takes a free one
  --tls-port N         port for both with TLS, as Google has it; 0 (the default) takes a free one
  --admin-port N       port for the request log, the fault switch and the view of the store; 0 (the default) takes a free one
  --project ID=NUMBER  a project that exists; may be repeated (default: demo-project=100000000001)
  --token TOKEN        ask every call for "authorization: Bearer TOKEN" (default: nobody is asked)
  --writes-per-minute N    calls that write and that each project takes within a minute, then RESOURCE_EXHAUSTED; Google: 600
  --reads-per-minute N     the same for calls that read, other than access; Google: 600
  --accesses-per-minute N  the same for AccessSecretVersion; Google: 90000. 0 (the default of all three): any number
  --secret-quotas      one secret takes 2 AddSecretVersion and UpdateSecret a second, one version 1 change of its state
  --settling-ms N      how long after a write lists and \`latest\` show what was there before; 0 (the default): not at all
  --until-stdin-ends   also stop when standard input ends, so that a parent that dies takes it along
  --help               this text

Once ready it prints one line of JSON: {"endpoint": "host:port", "restEndpoint": "host:port", "tlsEndpoint": "host:port",
"caFile": "the certificate authority to trust for it", "adminUrl": "http://…", "projects": […]}
`;

const HOST = '127.0.0.1';

function parseProject(text: string): Project {
  const [, id, number] = /^([a-z][a-z0-9-]{4,28}[a-z0-9])=([0-9]+)$/.exec(text) ?? [];
  if (!id || !number) throw new Error(`--project ${text}: expected ID=NUMBER, e.g. demo-project=100000000001`);
  return { id, number };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`${text} is not a port`);
  return port;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 0) throw new Error(`${text} is not a whole number`);
  return count;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      'rest-port': { type: 'string', default: '0' },
      'tls-port': { type: 'string', default: '0' },
      'admin-port': { type: 'string', default: '0' },
      project: { type: 'string', multiple: true, default: ['demo-project=100000000001'] },
      token: { type: 'string' },
      'writes-per-minute': { type: 'string', default: '0' },
      'reads-per-minute': { type: 'string', default: '0' },
      'accesses-per-minute': { type: 'string', default: '0' },
      'secret-quotas': { type: 'boolean', default: false },
      'settling-ms': { type: 'string', default: '0' },
      'until-stdin-ends': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }

  const projects = values.project.map(parseProject);
  const now = (): Date => new Date();
  const settling = createSettling({ settlingMs: parseCount(values['settling-ms']), now });
  const store = createStore({ projects, settling, now });
  const quota = createQuota({
    writesPerMinute: parseCount(values['writes-per-minute']),
    readsPerMinute: parseCount(values['reads-per-minute']),
    accessesPerMinute: parseCount(values['accesses-per-minute']),
    ofSecrets: values['secret-quotas'],
    projects,
    now,
  });
  const faults = createFaultSwitch();
  const requests: RequestRecord[] = [];
  const hanging = new Set<object>();
  const record = (request: RequestRecord): void => {
    requests.push(request);
  };
  const permissions: AdminOptions['permissions'] = { allowed: Object.values(PERMISSIONS) };
  const allowed = (): readonly string[] => permissions.allowed;
  const callers: AdminOptions['callers'] = { known: values.token === undefined ? null : { tokens: [values.token] } };
  const admit = (authorization: string): void => checkCaller(authorization, callers.known, now());
  const answer = createAnswer({ store, faults, quota, record, now, allowed, admit, hanging });
  const grpc = new Server();
  grpc.addService(loadServiceDefinition(), createService(answer));
  const rest = createRest(answer);

  const port = await new Promise<number>((resolve, reject) => {
    const address = `${HOST}:${parsePort(values.port)}`;
    grpc.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  await listen(rest, values['rest-port']);
  const front = createFront({ grpc: port, rest: portOf(rest) });
  await listen(front.server, values['tls-port']);
  const admin = createAdmin({
    store,
    settling,
    faults,
    requests,
    hanging,
    permissions,
    callers,
    handshakes: front.handshakes,
  });
  await listen(admin, values['admin-port']);

  const stop = (): void => {
    front.stop();
    grpc.forceShutdown();
    for (const server of [admin, rest]) {
      server.close();
      server.closeAllConnections();
    }
    process.stdin.destroy();
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  if (values['until-stdin-ends']) process.stdin.once('end', stop).resume();
  const places = {
    endpoint: `${HOST}:${port}`,
    restEndpoint: `${HOST}:${portOf(rest)}`,
    tlsEndpoint: `localhost:${portOf(front.server)}`,
    caFile,
    adminUrl: `http://${HOST}:${portOf(admin)}`,
    projects,
  };
  process.stdout.write(`${JSON.stringify(places)}\n`);
}

async function listen(server: NetServer, port: string): Promise<void> {
  server.listen(parsePort(port), HOST);
  await once(server, 'listening');
}

main().catch((error: unknown) => {
  process.stderr.write(
    `gcp-secret-manager stand-in: ${error instanceof Error ? error.message : 'failed'}; see --help\n`,
  );
  process.exit(2);
});
