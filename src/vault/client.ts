import nodeVault from 'node-vault';
import type { Transport, VaultAnswer } from './transport.ts';

interface VaultCall {
  readonly token: string | null;
  /** '' is the root namespace. */
  readonly namespace: string;
  readonly signal: AbortSignal;
}

/** node-vault on a transport of our own. Paths come percent-encoded; every answer comes back, whatever its status. */
export interface VaultClient {
  read(path: string, call: VaultCall): Promise<VaultAnswer>;
  list(path: string, call: VaultCall): Promise<VaultAnswer>;
  write(path: string, body: Readonly<Record<string, string>>, call: VaultCall): Promise<VaultAnswer>;
}

/** What node-vault hands to its HTTP layer. */
interface HandedRequest {
  readonly method: string;
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly json?: unknown;
}

export function createVaultClient(options: { address: string; transport: Transport }): VaultClient {
  // node-vault would turn an answer that is no success into an error that carries its body. It takes 200 as it is, so
  // the whole answer travels as the body of a 200, and what its status means is ours to say.
  const send = async (handed: HandedRequest) => {
    const { method, uri: url, headers, signal, json: body } = handed;
    const answer = await options.transport.send({ method, url, headers, signal, body });
    return { statusCode: 200, body: answer, request: { path: url } };
  };
  const client = nodeVault({
    endpoint: options.address.replace(/\/+$/, ''),
    // Some load balancers refuse the verb LIST; `GET ?list=1` is the same to Vault.
    noCustomHTTPVerbs: true,
    'request-promise': { defaults: () => send },
    // Its own would print bodies when DEBUG is set.
    debug: () => undefined,
  });
  // It fills these from VAULT_TOKEN, VAULT_NAMESPACE and VAULT_PREFIX; only what a call says may count.
  Object.assign(client, { token: '', namespace: '', pathPrefix: '' });

  return {
    read: (path, call) => client.read(path, requestOptions(call)),
    list: (path, call) => client.list(path, requestOptions(call)),
    write: (path, body, call) => client.write(path, body, requestOptions(call)),
  };
}

/** Headers are made anew for each call: node-vault keeps and changes those it is given. */
function requestOptions(call: VaultCall): { headers: Record<string, string>; signal: AbortSignal } {
  const headers: Record<string, string> = { 'X-Vault-Request': 'true' };
  if (call.token !== null) headers['X-Vault-Token'] = call.token;
  if (call.namespace !== '') headers['X-Vault-Namespace'] = call.namespace;
  return { headers, signal: call.signal };
}
