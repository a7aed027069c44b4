import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createAdmin } from './admin.ts';
import { FaultSwitch } from './faults.ts';
import { Identity } from './identity.ts';
import { KeyVault } from './key-vault.ts';
import { createMetadata } from './metadata.ts';
import { allAllowed } from './permissions.ts';
import { Quota } from './quota.ts';
import { createService, type LoggedRequest } from './service.ts';

const help = `A stand-in for Azure Key Vault's secrets on loopback: the real wire protocol, for tests and the demo.

  node test/stand-ins/azure-key-vault/main.ts [--port 0] [--admin-port 0] …

  --port N                  HTTPS port of the vaults and of the token endpoint; 0 (default) takes a free one
  --admin-port N            HTTP port that tests steer with; 0 (default) takes a free one
  --tenant-id ID            default 00000000-0000-0000-0000-00000000000a
  --client-id ID            default 00000000-0000-0000-0000-00000000000b
  --client-secret TEXT      default stand-in-client-secret
  --resource URL            what tokens are issued for, default https://vault.azure.net; other clouds have others
  --assertion-subject SUB   "sub" that client assertions must have (signatures are not checked)
  --token-lifetime SECONDS  default 3600
  --metadata-port N         HTTP port that gives the tokens of managed identities; 0 (default) takes a free one
  --deleting-ms N           how long a deletion takes, default 200
  --recovering-ms N         how long a recovery takes, default 200
  --settling-ms N           how long a recovered secret still refuses to be set, default 200
  --recoverable-days N      7 to 90, default 90
  --purge-protection        refuse to purge
  --creations-per-10s N     SetSecret calls that each vault takes within 10 seconds, then 429; Azure: 300. 0 (default): any number
  --calls-per-10s N         the same for all other calls; Azure: 4000
  --exit-with-stdin         end when standard input ends, so that no orphan is left behind

One vault per host name: https://localhost:PORT, https://127.0.0.1:PORT and, where names below it resolve,
https://NAME.vault.localhost:PORT. Trust tls/ca.pem. The first line on standard output is JSON and says where everything is.

The admin port ("?vault=HOST" picks the vault, default localhost):
  GET, DELETE /_admin/requests     what was asked: time, vault, method, path, operation, status, client
  POST, DELETE /_admin/faults      {"kind": "throttle|hang|stall|error|lost|rbac|policy|firewall|connection|governance",
                                    "operation": "SetSecret", "after": 0, "count": 1, "status": 503, "retryAfterSeconds": 2}
  PUT /_admin/applications/ID      {"clientSecret": "…", "assertionSubject": "…"}: another application, or other proofs of one
  DELETE /_admin/tokens            makes every token worthless
  PUT, DELETE /_admin/access       {"model": "rbac|policy", "allow": ["set", "list"]}: all that the application may do
  GET /_admin/hanging              how many calls hang or stall whose caller has not hung up
  GET /_admin/connections          how many TLS connections there have been
  GET /_admin/secrets[/NAME]       what is stored, values included
  PUT /_admin/secrets/NAME         {"value": "…"}: a change by hand (no tags or attributes unless given)
  PATCH /_admin/secrets/NAME       {"tags": {…}}: a change of metadata by hand
  DELETE /_admin/secrets/NAME      a deletion by hand
  PUT /_admin/managed/NAME         {"value": "…"}: the secret of a certificate
`;

const options = {
  port: { type: 'string', default: '0' },
  'admin-port': { type: 'string', default: '0' },
  'tenant-id': { type: 'string', default: '00000000-0000-0000-0000-00000000000a' },
  'client-id': { type: 'string', default: '00000000-0000-0000-0000-00000000000b' },
  'client-secret': { type: 'string', default: 'stand-in-client-secret' },
  resource: { type: 'string', default: 'https://vault.azure.net' },
  'assertion-subject': { type: 'string' },
  'token-lifetime': { type: 'string', default: '3600' },
  'metadata-port': { type: 'string', default: '0' },
  'creations-per-10s': { type: 'string', default: '0' },
  'calls-per-10s': { type: 'string', default: '0' },
  'deleting-ms': { type: 'string', default: '200' },
  'recovering-ms': { type: 'string', default: '200' },
  'settling-ms': { type: 'string', default: '200' },
  'recoverable-days': { type: 'string', default: '90' },
  'purge-protection': { type: 'boolean', default: false },
  'exit-with-stdin': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function readFlags() {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

/** Ends the program, with one line of what is wrong. */
function refuse(message: string): never {
  process.stderr.write(`${message}\nSee --help.\n`);
  process.exit(2);
}

const flags = readFlags();
if (flags.help) {
  process.stdout.write(help);
} else {
  await run();
}

async function run(): Promise<void> {
  const days = number('recoverable-days');
  if (days < 7 || days > 90) refuse(`--recoverable-days must be 7 to 90, as in Azure, not ${days}`);
  const now = () => Date.now();
  const vaults = new Map<string, KeyVault>();
  const vaultAt = (host: string): KeyVault => {
    const vault = vaults.get(host) ?? createVault(now);
    vaults.set(host, vault);
    return vault;
  };
  const identity = new Identity(
    {
      tenantId: flags['tenant-id'],
      resource: flags.resource,
      tokenLifetimeSeconds: number('token-lifetime'),
    },
    now,
  );
  identity.register({
    clientId: flags['client-id'],
    clientSecret: flags['client-secret'],
    assertionSubject: flags['assertion-subject'],
  });
  const faults = new FaultSwitch();
  const requests: LoggedRequest[] = [];
  const quota = new Quota({ creationsPer10s: number('creations-per-10s'), callsPer10s: number('calls-per-10s'), now });
  const header = 'stand-in-identity-header';
  const metadata = createMetadata({ identity, faults, requests, header, now });
  let access = allAllowed;
  let connections = 0;
  const service = createService(
    { vaultAt, identity, faults, requests, access: () => access, quota, now },
    { key: readFileSync(tlsFile('server-key.pem'), 'utf8'), cert: readFileSync(tlsFile('server.pem'), 'utf8') },
  );
  service.on('secureConnection', () => {
    connections += 1;
  });
  const admin = createAdmin({
    vaultAt,
    identity,
    faults,
    requests,
    setAccess(rules) {
      access = rules;
    },
    connections: () => connections,
  });
  const [port, adminPort, metadataPort] = await Promise.all([
    listen(service, number('port')),
    listen(admin, number('admin-port')),
    listen(metadata, number('metadata-port')),
  ]);
  const stop = () => {
    for (const server of [service, admin, metadata]) {
      server.close();
      server.closeAllConnections();
    }
    process.stdin.destroy();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  if (flags['exit-with-stdin']) process.stdin.resume().once('end', stop);
  const ready = {
    vaultUrl: `https://localhost:${port}`,
    authorityHost: `https://localhost:${port}`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    metadataUrl: `http://127.0.0.1:${metadataPort}/metadata/identity/oauth2/token`,
    appIdentityUrl: `http://127.0.0.1:${metadataPort}/msi/token`,
    appIdentityHeader: header,
    caFile: tlsFile('ca.pem'),
    tenantId: flags['tenant-id'],
    clientId: flags['client-id'],
    clientSecret: flags['client-secret'],
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}

function createVault(now: () => number): KeyVault {
  return new KeyVault({
    deletingMs: number('deleting-ms'),
    recoveringMs: number('recovering-ms'),
    settlingMs: number('settling-ms'),
    recoverableDays: number('recoverable-days'),
    purgeProtection: flags['purge-protection'],
    now,
  });
}

type NumberFlag =
  | 'port'
  | 'admin-port'
  | 'token-lifetime'
  | 'deleting-ms'
  | 'recovering-ms'
  | 'settling-ms'
  | 'metadata-port'
  | 'creations-per-10s'
  | 'calls-per-10s'
  | 'recoverable-days';

function number(flag: NumberFlag): number {
  const value = Number(flags[flag]);
  if (!Number.isInteger(value) || value < 0) refuse(`--${flag} must be a whole number, not ${flags[flag]}`);
  return value;
}

function tlsFile(name: string): string {
  return fileURLToPath(new URL(`./tls/${name}`, import.meta.url));
}

function listen(
  server: ReturnType<typeof createAdmin> | ReturnType<typeof createService>,
  port: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
