import type { AgentOptions, RequestOptions } from 'node:https';
import { type DispatcherOptions, KubeConfig, type RequestContext } from '@kubernetes/client-node';
import { Agent, type buildConnector, type Dispatcher, ProxyAgent } from 'undici';
import { InputError } from '../errors.ts';

/**
 * A kubeconfig whose requests share their connections. The library's own makes a pool for every request, that is a TLS
 * handshake for every request, and leaves each of them open; and its requests have no time limit.
 */
export class PooledKubeConfig extends KubeConfig {
  #pool: Pool | null = null;
  /** For connections that are still being made, which the pool leaves to their own time limit. */
  readonly #closing = new AbortController();
  readonly #requestLimitMs: number;

  constructor(options: { requestLimitMs: number }) {
    super();
    this.#requestLimitMs = options.requestLimitMs;
  }

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    const options: RequestOptions = {};
    await this.applyToHTTPSOptions(options);
    for (const [name, value] of Object.entries(options.headers ?? {})) context.setHeaderParam(name, String(value));
    if (options.auth) {
      context.setHeaderParam('Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`);
    }
    // What the library says of TLS, whichever of Node's two types it says it in.
    const tls = options as AgentOptions;
    context.setDispatcher(this.#dispatcherFor(this.createDispatcherOptions(this.getCurrentCluster(), tls)));
    context.setSignal(AbortSignal.timeout(this.#requestLimitMs));
  }

  /** Cuts every connection. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#pool?.dispatcher.destroy();
    this.#pool = null;
  }

  /** The pool, or a new one when the authority or the client's certificate was rotated. */
  #dispatcherFor(options: DispatcherOptions): Dispatcher {
    const identity = identityOf(options);
    if (this.#pool?.identity === identity) return this.#pool.dispatcher;
    // Resolves when the last watch on the old connections has ended, which nobody waits for.
    this.#pool?.dispatcher.close().catch(() => undefined);
    this.#pool = { identity, dispatcher: createDispatcher(options, this.#closing.signal) };
    return this.#pool.dispatcher;
  }
}

interface Pool {
  readonly identity: string;
  readonly dispatcher: Dispatcher;
}

/** Buffers (certificates) become lists of numbers; a few kilobytes, once per request. */
function identityOf(options: DispatcherOptions): string {
  return JSON.stringify(options, (_key, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString() : value,
  );
}

/** HTTP/1.1, so that one connection that died in silence does not take every watch and every call with it. */
function createDispatcher(options: DispatcherOptions, closing: AbortSignal): Dispatcher {
  switch (options.type) {
    case 'agent':
    case 'none': {
      const connect = { ...(options.type === 'agent' ? options.connect : {}), signal: closing };
      return new Agent({ connect: connect as buildConnector.BuildOptions, allowH2: false });
    }
    case 'proxy':
      return new ProxyAgent({
        uri: options.uri,
        requestTls: options.requestTls as buildConnector.BuildOptions,
        allowH2: false,
      });
    case 'socks':
      throw new InputError('the kubeconfig names a SOCKS proxy, which is not supported: name an HTTP proxy');
    default: {
      const never: never = options;
      return never;
    }
  }
}

/** @throws InputError */
export function loadKubeConfig(options: {
  kubeconfig?: string | undefined;
  context?: string | undefined;
  requestLimitMs: number;
}): PooledKubeConfig {
  const { kubeconfig, context } = options;
  const config = new PooledKubeConfig(options);
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (cause) {
    const which = kubeconfig === undefined ? 'the default kubeconfig' : `the kubeconfig ${kubeconfig}`;
    throw new InputError(`${which} cannot be read: correct it, or name another`, { cause });
  }
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const known = config.getContexts().map(({ name }) => name);
    const wanted = config.getCurrentContext() || 'none';
    throw new InputError(
      `the kubeconfig has no cluster for its context (${wanted}); it has: ${known.join(', ') || 'none'}`,
    );
  }
  if (cluster.server === nowhere) {
    throw new InputError('no Kubernetes found: this is no pod, and neither KUBECONFIG nor ~/.kube/config is there');
  }
  return config;
}

/** What the library falls back to when it finds nothing. */
const nowhere = 'http://localhost:8080';
