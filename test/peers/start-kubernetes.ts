import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import {
  type CommandResult,
  findFreePort,
  makePeerFolder,
  type PeerProcess,
  removeFolder,
  runCommand,
  startOnFreePort,
  startProcess,
} from './processes.ts';
import { providePeer } from './provision.ts';

export interface KubernetesOptions {
  /** More flags for kube-apiserver. */
  apiServerFlags?: readonly string[];
}

/** Whose token it is, and for whom. */
export interface TokenRequest {
  namespace: string;
  serviceAccount: string;
  /** The API server itself unless said. */
  audiences?: readonly string[];
  /** At least 600, as Kubernetes wants it; an hour unless said. */
  seconds?: number;
}

export interface KubernetesAnswer {
  status: number;
  body: unknown;
}

export interface KubernetesPeer {
  /** `https://127.0.0.1:PORT` */
  server: string;
  /** The certificate authority of `server`, PEM. */
  caFile: string;
  /** A bearer token of the group `system:masters`. */
  token: string;
  adminKubeconfig: string;
  /** Runs the real kubectl as admin, e.g. `kubectl(['apply', '-f', '-'], manifest)`. */
  kubectl(args: readonly string[], stdin?: string): Promise<CommandResult>;
  /** One request as admin, e.g. `api('GET', '/version')`. */
  api(method: string, path: string, body?: unknown): Promise<KubernetesAnswer>;
  /** A token of a ServiceAccount that exists, through TokenRequest. */
  createToken(request: TokenRequest): Promise<string>;
  /** A new kubeconfig file that acts as a ServiceAccount that exists, under its own RBAC; its namespace is the default. */
  serviceAccountKubeconfig(request: TokenRequest): Promise<string>;
  /** Freezes the API server: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): void;
  /** Kills the API server and starts it again on the same port; etcd keeps what was stored. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a real etcd and kube-apiserver on free loopback ports: RBAC, TokenRequest, TokenReview, CRDs with CEL and
 * server-side apply are the real ones. No controller manager and no kubelet: nothing is collected, no pod runs, and a new namespace
 * has no `default` ServiceAccount.
 */
export async function startKubernetes(options: KubernetesOptions = {}): Promise<KubernetesPeer> {
  const programs = await providePeer('kube');
  const folder = await makePeerFolder('kubernetes');
  const processes: PeerProcess[] = [];
  const stop = async () => {
    for (const each of processes) await each.kill();
    await removeFolder(folder);
  };
  try {
    const etcdUrl = await startOnFreePort((port) => startEtcd({ etcd: programs.etcd, folder, port, processes }));
    const credentials = await writeCredentials(folder);
    const start = (port: number) =>
      startApiServer({ program: programs.kubeApiserver, folder, port, etcdUrl, credentials, options });
    let apiServer = await startOnFreePort(start);
    processes.push(apiServer.process);

    const { port } = apiServer;
    return {
      ...(await connectTo({ kubectl: programs.kubectl, folder, port, credentials })),
      pause: () => apiServer.process.pause(),
      resume: () => apiServer.process.resume(),
      async restart() {
        await apiServer.process.kill();
        apiServer = await start(port);
        processes.push(apiServer.process);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface EtcdOptions {
  etcd: string;
  folder: string;
  port: number;
  processes: PeerProcess[];
}

async function startEtcd({ etcd, folder, port, processes }: EtcdOptions): Promise<string> {
  const url = `http://127.0.0.1:${port}`;
  const peerUrl = `http://127.0.0.1:${await findFreePort()}`;
  const data = join(folder, 'etcd');
  await removeFolder(data);
  const args = ['--name', 'default', '--data-dir', data, '--unsafe-no-fsync', '--log-level', 'warn'];
  args.push('--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', peerUrl);
  args.push('--initial-advertise-peer-urls', peerUrl, '--initial-cluster', `default=${peerUrl}`);
  const process = await startProcess({ name: 'etcd', command: etcd, args, folder });
  await process.untilReady(async () => (await fetch(`${url}/health`)).ok);
  processes.push(process);
  return url;
}

interface Credentials {
  token: string;
  tokenFile: string;
  /** Signs the tokens of ServiceAccounts. */
  keyFile: string;
  certificates: string;
}

async function writeCredentials(folder: string): Promise<Credentials> {
  const token = randomBytes(16).toString('hex');
  const tokenFile = join(folder, 'tokens.csv');
  await writeFile(tokenFile, `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keyFile = join(folder, 'service-accounts.pem');
  await writeFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const certificates = join(folder, 'certificates');
  await mkdir(certificates);
  return { token, tokenFile, keyFile, certificates };
}

const issuer = 'https://kubernetes.default.svc';

interface ApiServerOptions {
  program: string;
  folder: string;
  port: number;
  etcdUrl: string;
  credentials: Credentials;
  options: KubernetesOptions;
}

async function startApiServer(given: ApiServerOptions): Promise<{ process: PeerProcess; port: number }> {
  const { program, folder, port, credentials } = given;
  const args = [
    `--etcd-servers=${given.etcdUrl}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    `--cert-dir=${credentials.certificates}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    // The Service "kubernetes" cannot point at a loopback address, and nothing here uses it.
    '--endpoint-reconciler-type=none',
    `--service-account-key-file=${credentials.keyFile}`,
    `--service-account-signing-key-file=${credentials.keyFile}`,
    `--service-account-issuer=${issuer}`,
    `--api-audiences=${issuer}`,
    `--token-auth-file=${credentials.tokenFile}`,
    '--authorization-mode=RBAC',
    '--disable-admission-plugins=ServiceAccount',
    ...(given.options.apiServerFlags ?? []),
  ];
  const process = await startProcess({ name: 'kube-apiserver', command: program, args, folder });
  await process.untilReady(async () => {
    const ask = { port, ca: await readFile(caFileOf(credentials), 'utf8'), token: credentials.token };
    const ready = await callApi({ ...ask, method: 'GET', path: '/readyz' });
    const namespace = await callApi({ ...ask, method: 'GET', path: '/api/v1/namespaces/default' });
    return ready.status === 200 && namespace.status === 200;
  });
  return { process, port };
}

/** The API server signs its own certificate at its first start and puts the authority into the same file. */
function caFileOf(credentials: Credentials): string {
  return join(credentials.certificates, 'apiserver.crt');
}

interface Connection {
  kubectl: string;
  folder: string;
  port: number;
  credentials: Credentials;
}

type Calls = 'kubectl' | 'api' | 'createToken' | 'serviceAccountKubeconfig';
type Facts = 'server' | 'caFile' | 'token' | 'adminKubeconfig';

async function connectTo(connection: Connection): Promise<Pick<KubernetesPeer, Calls | Facts>> {
  const { folder, port, credentials } = connection;
  const server = `https://127.0.0.1:${port}`;
  const caFile = caFileOf(credentials);
  const ca = await readFile(caFile, 'utf8');
  const adminKubeconfig = join(folder, 'admin.kubeconfig');
  await writeKubeconfig(adminKubeconfig, { server, ca, token: credentials.token, namespace: 'default' });

  const api: KubernetesPeer['api'] = (method, path, body) =>
    callApi({ port, ca, token: credentials.token, method, path, body });
  const createToken: KubernetesPeer['createToken'] = async ({
    namespace,
    serviceAccount,
    audiences,
    seconds = 3600,
  }) => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
    const spec = { audiences: audiences ?? [issuer], expirationSeconds: seconds };
    const answer = await api('POST', path, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec });
    if (answer.status !== 201) throw new Error(`kube-apiserver answered ${answer.status} to POST ${path}`);
    return (answer.body as { status: { token: string } }).status.token;
  };

  return {
    server,
    caFile,
    token: credentials.token,
    adminKubeconfig,
    kubectl: (args, stdin) =>
      runCommand(connection.kubectl, args, {
        cwd: folder,
        env: { PATH: process.env['PATH'] ?? '', HOME: folder, KUBECONFIG: adminKubeconfig },
        ...(stdin === undefined ? {} : { stdin }),
      }),
    api,
    createToken,
    async serviceAccountKubeconfig(asked) {
      const { namespace, serviceAccount } = asked;
      const file = join(folder, `${namespace}-${serviceAccount}-${randomBytes(4).toString('hex')}.kubeconfig`);
      await writeKubeconfig(file, { server, ca, token: await createToken(asked), namespace });
      return file;
    },
  };
}

interface KubeconfigContent {
  server: string;
  ca: string;
  token: string;
  namespace: string;
}

/** JSON is YAML. */
function writeKubeconfig(file: string, { server, ca, token, namespace }: KubeconfigContent): Promise<void> {
  const name = 'peer';
  const cluster = { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    'current-context': name,
  };
  return writeFile(file, JSON.stringify(config, null, 2), { mode: 0o600 });
}

interface ApiCall {
  port: number;
  ca: string;
  token: string;
  method: string;
  path: string;
  body?: unknown;
}

function callApi({ port, ca, token, method, path, body }: ApiCall): Promise<KubernetesAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const call = request({ host: '127.0.0.1', port, ca, method, path, headers, agent: false, timeout: 30_000 });
    call.once('timeout', () => call.destroy(new Error(`kube-apiserver does not answer ${method} ${path}`)));
    call.once('error', reject);
    call.once('response', (response) => {
      const status = response.statusCode ?? 0;
      const isJson = /json/.test(response.headers['content-type'] ?? '');
      const read = isJson ? json(response) : response.resume() && Promise.resolve(null);
      read.then((parsed) => resolve({ status, body: parsed }), reject);
    });
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
