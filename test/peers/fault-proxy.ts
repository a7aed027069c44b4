import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { endToEndHeaders, forward, listenOnLoopback } from './forward.ts';

/** What can go wrong between a client and a server. */
export type Fault =
  /** Send the request on after this many milliseconds. */
  | { kind: 'delay'; ms: number }
  /** Take the request and never answer; `clear` or `stop` breaks the connection. */
  | { kind: 'hang' }
  /** Answer this in the server's place, which never hears of the request. */
  | { kind: 'status'; status: number; body?: unknown; headers?: Readonly<Record<string, string>> }
  /** Answer as AWS does when a client is too fast: 400 `ThrottlingException`. */
  | { kind: 'throttle' }
  /** Let the server do its work, then break the connection instead of handing on its answer. */
  | { kind: 'lose-answer' }
  /** Break the connection before the server hears of the request. */
  | { kind: 'disconnect' };

/** What is remembered of a request: never a body, never a header that could hold a credential. */
export interface SeenRequest {
  method: string;
  /** With the query. */
  path: string;
  /** `X-Amz-Target`, e.g. `secretsmanager.PutSecretValue`; undefined where the client sent none. */
  target: string | undefined;
  /** What the client was told; undefined while it waits, and for good when the connection broke. */
  status: number | undefined;
  /** The fault it met. */
  fault: Fault['kind'] | undefined;
}

export interface FaultRule {
  fault: Fault;
  /** Which requests meet it; all unless said. */
  when?: (request: SeenRequest) => boolean;
  /** How many requests that match pass before the first one meets it; none unless said. */
  after?: number;
  /** How many requests meet it before the rule is spent; no end unless said. */
  times?: number;
}

export interface FaultProxy {
  url: string;
  /** Every request since the start or the last `forget`, in order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** How many requests match; all unless said. */
  count(which?: (request: SeenRequest) => boolean): number;
  /** Requests that hang, and whose client has not given up. */
  hanging(): number;
  forget(): void;
  /** Adds a rule; of several that match, the oldest decides. */
  inject(rule: FaultRule): void;
  /** Takes all rules back and breaks the connections that hang. */
  clear(): void;
  stop(): Promise<void>;
}

/** Starts a proxy on a free loopback port before `upstream` (`http://host:port`). */
export async function startFaultProxy({ upstream }: { upstream: string }): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  const hanging = new Set<ServerResponse>();
  let requests: SeenRequest[] = [];
  let rules: { rule: FaultRule; left: number; toPass: number }[] = [];

  const takeFault = (seen: SeenRequest): Fault | undefined => {
    const entry = rules.find(({ rule, left }) => left > 0 && (rule.when?.(seen) ?? true));
    if (entry === undefined) return undefined;
    if (entry.toPass > 0) {
      entry.toPass -= 1;
      return undefined;
    }
    entry.left -= 1;
    return entry.rule.fault;
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const seen = noteRequest(incoming);
    requests.push(seen);
    const fault = takeFault(seen);
    seen.fault = fault?.kind;
    if (fault?.kind === 'hang') {
      hanging.add(response);
      response.once('close', () => hanging.delete(response));
      return;
    }
    if (fault?.kind === 'disconnect') return void incoming.socket.destroy();
    const invented = fault === undefined ? undefined : inventAnswer(fault);
    if (invented !== undefined) {
      seen.status = invented.status;
      incoming.resume();
      response.writeHead(invented.status, invented.headers).end(invented.body);
      return;
    }
    if (fault?.kind === 'delay') await sleep(fault.ms);
    const answer = await forward(incoming, { upstream, agent });
    if (fault?.kind === 'lose-answer') return void incoming.socket.destroy();
    seen.status = answer.status;
    response.writeHead(answer.status, endToEndHeaders(answer.headers)).end(answer.body);
  };

  const server = await listenOnLoopback((incoming, response) => {
    // A server that is away looks to the client as it would without us: the connection breaks.
    serve(incoming, response).catch(() => incoming.socket.destroy());
  });

  const clear = () => {
    rules = [];
    for (const response of hanging) response.destroy();
  };
  return {
    url: server.url,
    get requests() {
      return requests;
    },
    count: (which = () => true) => requests.filter(which).length,
    hanging: () => hanging.size,
    forget() {
      requests = [];
    },
    inject(rule) {
      rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY, toPass: rule.after ?? 0 });
    },
    clear,
    async stop() {
      clear();
      await server.stop();
      agent.destroy();
    },
  };
}

function noteRequest(incoming: IncomingMessage): SeenRequest {
  const target = incoming.headers['x-amz-target'];
  return {
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    target: typeof target === 'string' ? target : undefined,
    status: undefined,
    fault: undefined,
  };
}

interface InventedAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

function inventAnswer(fault: Fault): InventedAnswer | undefined {
  switch (fault.kind) {
    case 'status': {
      const headers = { 'content-type': 'application/json', ...fault.headers };
      return { status: fault.status, headers, body: fault.body === undefined ? '' : JSON.stringify(fault.body) };
    }
    case 'throttle':
      return {
        status: 400,
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': 'ThrottlingException' },
        body: JSON.stringify({ __type: 'ThrottlingException', message: 'Rate exceeded' }),
      };
    case 'delay':
    case 'hang':
    case 'lose-answer':
    case 'disconnect':
      return undefined;
    default: {
      const never: never = fault;
      return never;
    }
  }
}
