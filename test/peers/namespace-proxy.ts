import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Answer, endToEndHeaders, forward, type LoopbackServer, listenOnLoopback } from './forward.ts';

/**
 * Vault Enterprise and OpenBao have namespaces; community Vault ignores `X-Vault-Namespace` and answers from the root.
 * This proxy stands before a community Vault and makes the mounts under `team-a/` the namespace `team-a`:
 *
 * - `X-Vault-Namespace: team-a` with `/v1/secret/data/x` reads the real mount `team-a/secret/`;
 * - `sys/internal/ui/mounts…` shows the namespace's own mounts only, without the prefix;
 * - `auth/…` and the rest of `sys/…` are those of the root: every known namespace shares its logins, tokens and policies;
 * - an unknown namespace is refused as Vault Enterprise does, which finds no route: 404 `no handler for route "…"`;
 * - in error messages a path has no prefix, as inside a namespace.
 */
export interface NamespaceProxyOptions {
  /** `http://host:port` of the real Vault. */
  upstream: string;
  /** E.g. `['team-a', 'team-a/inner']`. */
  namespaces: readonly string[];
}

export async function startNamespaceProxy({ upstream, namespaces }: NamespaceProxyOptions): Promise<LoopbackServer> {
  const agent = new Agent({ keepAlive: true });
  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const namespace = trimSlashes(String(incoming.headers['x-vault-namespace'] ?? ''));
    const route = routeInNamespace(incoming.url ?? '/', namespace, namespaces);
    if (route.kind === 'unknown') {
      incoming.resume();
      const body = JSON.stringify({
        errors: [`no handler for route ${JSON.stringify(route.path)}. route entry not found.`],
      });
      response.writeHead(404, { 'content-type': 'application/json' }).end(body);
      return;
    }
    const sent = { upstream, agent, path: route.path, withoutHeaders: ['x-vault-namespace'] };
    const answer = await forward(incoming, sent);
    const shown = route.kind === 'root' ? answer : hidePrefix(answer, `${namespace}/`, route.kind);
    response.writeHead(shown.status, endToEndHeaders(shown.headers)).end(shown.body);
  };
  const server = await listenOnLoopback((incoming, response) => {
    // A Vault that is away looks to the client as it would without us: the connection breaks.
    serve(incoming, response).catch(() => incoming.socket.destroy());
  });
  return {
    url: server.url,
    async stop() {
      await server.stop();
      agent.destroy();
    },
  };
}

/** Where a request for a namespace goes on the Vault that has none. */
export type Route =
  /** As it came. */
  | { kind: 'root'; path: string }
  /** To a mount under the namespace's prefix. */
  | { kind: 'mount'; path: string }
  /** To the description of such mounts. */
  | { kind: 'mounts shown'; path: string }
  /** Nowhere: there is no such namespace. `path` is what was asked for, without `/v1/` and query. */
  | { kind: 'unknown'; path: string };

const mountsShown = 'sys/internal/ui/mounts';

export function routeInNamespace(url: string, namespace: string, namespaces: readonly string[]): Route {
  const path = /^\/v1\/([^?]*)/.exec(url)?.[1];
  if (path === undefined || namespace === '' || namespace === 'root') return { kind: 'root', path: url };
  if (!namespaces.includes(namespace)) return { kind: 'unknown', path: `${namespace}/${path}` };

  const query = url.slice('/v1/'.length + path.length);
  if (path === mountsShown) return { kind: 'mounts shown', path: url };
  if (path.startsWith(`${mountsShown}/`)) {
    return { kind: 'mounts shown', path: `/v1/${mountsShown}/${namespace}${path.slice(mountsShown.length)}${query}` };
  }
  if (/^(auth|sys)\//.test(path)) return { kind: 'root', path: url };
  return { kind: 'mount', path: `/v1/${namespace}/${path}${query}` };
}

/** The answer as it would read inside the namespace; what a secret holds goes through byte by byte. */
function hidePrefix(answer: Answer, prefix: string, kind: Route['kind']): Answer {
  const isError = answer.status >= 400;
  if (answer.body.length === 0 || !(isError || kind === 'mounts shown')) return answer;
  const body: { errors?: string[]; data?: ShownMounts } = JSON.parse(answer.body.toString('utf8'));
  const shown = {
    ...body,
    ...(body.errors && { errors: body.errors.map((message) => message.replace(prefix, '')) }),
    ...(body.data && { data: showMounts(body.data, prefix) }),
  };
  const bytes = Buffer.from(JSON.stringify(shown));
  return { ...answer, headers: { ...answer.headers, 'content-length': String(bytes.length) }, body: bytes };
}

/** One mount has a `path`; the list of all has `secret` and `auth`. */
interface ShownMounts {
  path?: string;
  secret?: Record<string, unknown>;
}

function showMounts(data: ShownMounts, prefix: string): ShownMounts {
  const withoutPrefix = (path: string) => (path.startsWith(prefix) ? path.slice(prefix.length) : path);
  const own = Object.entries(data.secret ?? {}).filter(([mount]) => mount.startsWith(prefix));
  return {
    ...data,
    ...(data.path !== undefined && { path: withoutPrefix(data.path) }),
    ...(data.secret && { secret: Object.fromEntries(own.map(([mount, about]) => [withoutPrefix(mount), about])) }),
  };
}

function trimSlashes(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}
