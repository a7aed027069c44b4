import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** A request that changed something, and when it was answered. */
export interface AnsweredWrite {
  readonly operation: 'CreateSecret' | 'PutSecretValue';
  readonly region: string;
  readonly name: string;
  /** Unix time in milliseconds, with fractions. */
  readonly at: number;
}

/** AWS Secrets Manager without the work behind it: every request is answered at once, from memory. */
export interface AnsweringAws {
  readonly endpoint: string;
  readonly writes: readonly AnsweredWrite[];
  /** How many requests there were, by operation. */
  readonly requests: ReadonlyMap<string, number>;
  value(region: string, name: string): string | null;
  forget(): void;
  stop(): Promise<void>;
}

interface Stored {
  value: string;
  versionId: string;
  previousId: string | null;
  readonly tags: unknown;
  /** The tags as text, to be searched. */
  readonly words: string;
}

interface Asked {
  readonly operation: string;
  readonly region: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What tells our listing apart: the values of its filters. */
type Filter = { readonly Key?: string; readonly Values?: readonly string[] };

/**
 * Starts it on a free loopback port. It is no test of correctness: it knows just what vault-secret-sync asks. Every answer
 * takes `delayMs`, by default no time at all. With `writesPerSecond` more writes than that are refused, as a token bucket of
 * that size does it.
 */
export async function startAnsweringAws({
  delayMs = 0,
  writesPerSecond = Number.POSITIVE_INFINITY,
} = {}): Promise<AnsweringAws> {
  const secrets = new Map<string, Stored>();
  const writes: AnsweredWrite[] = [];
  const requests = new Map<string, number>();
  const count = (what: string) => requests.set(what, (requests.get(what) ?? 0) + 1);
  const takeToken = tokenBucket(writesPerSecond);
  const server = createServer((request, response) => {
    void read(request).then(async (asked) => {
      if (delayMs > 0) await sleep(delayMs);
      if (/^(Create|Put|Update|Delete)/.test(asked.operation) && !takeToken()) {
        count('refused');
        return answer(response, refused('ThrottlingException'));
      }
      count(asked.operation);
      answer(response, perform(secrets, asked));
      const { operation, region } = asked;
      if (operation !== 'CreateSecret' && operation !== 'PutSecretValue') return;
      writes.push({ operation, region, name: nameIn(asked), at: performance.timeOrigin + performance.now() });
    });
  });
  // Clients keep connections for longer than Node's servers like to.
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    writes,
    requests,
    value: (region, name) => secrets.get(keyOf(region, name))?.value ?? null,
    forget() {
      writes.length = 0;
      requests.clear();
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    },
  };
}

/** AWS does not say how it counts; a bucket that holds a second's worth is what others have seen. */
function tokenBucket(perSecond: number): () => boolean {
  if (perSecond === Number.POSITIVE_INFINITY) return () => true;
  let tokens = perSecond;
  let at = performance.now();
  return () => {
    const now = performance.now();
    tokens = Math.min(perSecond, tokens + ((now - at) * perSecond) / 1000);
    at = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

async function read(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const credential = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '');
  return {
    operation: String(request.headers['x-amz-target']).replace('secretsmanager.', ''),
    region: credential?.[1] ?? '',
    input: JSON.parse(Buffer.concat(chunks).toString()) as Asked['input'],
  };
}

function perform(secrets: Map<string, Stored>, asked: Asked): { status: number; body: unknown } {
  const { operation, region, input } = asked;
  const name = nameIn(asked);
  const key = keyOf(region, name);
  const stored = secrets.get(key);
  if (operation === 'ListSecrets') return ok(listed(secrets, asked));
  if (operation === 'CreateSecret') {
    if (stored) return refused('ResourceExistsException');
    const versionId = String(input['ClientRequestToken']);
    const tags = input['Tags'] ?? [];
    secrets.set(key, {
      value: String(input['SecretString']),
      versionId,
      previousId: null,
      tags,
      words: JSON.stringify(tags),
    });
    return ok({ ARN: key, Name: name, VersionId: versionId });
  }
  if (!stored) return refused('ResourceNotFoundException');
  switch (operation) {
    case 'PutSecretValue': {
      const versionId = String(input['ClientRequestToken']);
      if (versionId === stored.previousId) return ok({ ARN: key, Name: name, VersionId: versionId, VersionStages: [] });
      if (versionId !== stored.versionId) stored.previousId = stored.versionId;
      stored.versionId = versionId;
      stored.value = String(input['SecretString']);
      return ok({ ARN: key, Name: name, VersionId: versionId, VersionStages: ['AWSCURRENT'] });
    }
    case 'DescribeSecret':
      return ok({ ARN: key, Name: name, Tags: stored.tags, VersionIdsToStages: stagesOf(stored) });
    case 'DeleteSecret':
      secrets.delete(key);
      return ok({ ARN: key, Name: name });
    default:
      return refused('InvalidRequestException');
  }
}

/** AWS: at most 100 a page. */
function listed(secrets: ReadonlyMap<string, Stored>, { region, input }: Asked) {
  const wanted = ((input['Filters'] ?? []) as readonly Filter[]).flatMap(({ Values = [] }) => Values);
  const found = [...secrets].filter(
    ([key, { words }]) => key.startsWith(`${region}/`) && wanted.every((word) => words.includes(JSON.stringify(word))),
  );
  const from = Number(input['NextToken'] ?? 0);
  return {
    SecretList: found.slice(from, from + 100).map(([key, stored]) => ({
      ARN: key,
      Name: key.slice(region.length + 1),
      Tags: stored.tags,
      SecretVersionsToStages: stagesOf(stored),
    })),
    ...(from + 100 < found.length ? { NextToken: String(from + 100) } : {}),
  };
}

function stagesOf({ versionId, previousId }: Stored): Record<string, string[]> {
  return { [versionId]: ['AWSCURRENT'], ...(previousId === null ? {} : { [previousId]: ['AWSPREVIOUS'] }) };
}

function nameIn({ input }: Asked): string {
  return String(input['SecretId'] ?? input['Name'] ?? '');
}

function keyOf(region: string, name: string): string {
  return `${region}/${name}`;
}

function ok(body: unknown) {
  return { status: 200, body };
}

function refused(type: string) {
  return { status: 400, body: { __type: type, message: type } };
}

function answer(response: ServerResponse, { status, body }: { status: number; body: unknown }): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.1',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
