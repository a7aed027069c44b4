import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from './table.ts';

export interface LoadOptions {
  readonly url: string;
  readonly token: string;
  /** Lines, to be posted over and over. */
  readonly file: string;
  readonly linesInBody: number;
  /** Kept alive, with one request at a time on each. */
  readonly connections: number;
  /** How long it is measured, after half a second to warm up; or how many requests are made, all of them measured. */
  readonly until: { readonly seconds: number } | { readonly requests: number };
  /** Requests a second in all; null = as fast as they are answered. */
  readonly perSecond: number | null;
}

/** What came of a load. */
export interface LoadResult {
  /** Requests answered with 200 while it was measured, and how long that was. */
  readonly answered: number;
  readonly seconds: number;
  /** Requests answered with 200 in all, the warm-up and the last ones included. */
  readonly sent: number;
  /** Requests answered otherwise. */
  readonly refused: number;
  /** Milliseconds from a request to its answer. */
  readonly p50: number;
  readonly p99: number;
}

const warmUpSeconds = 0.5;
const endOfHead = '\r\n\r\n';

/** `load.ts OPTIONS` (JSON): posts by bare sockets, so that the load costs less than what it loads. Prints what came of it. */
async function main(options: LoadOptions): Promise<void> {
  const { url, connections, until, perSecond } = options;
  const bodies = bodiesOf(await readFile(options.file, 'utf8'), options.linesInBody);
  const requests = bodies.map((body) => requestOf(new URL(url), body, options.token));
  const most = 'requests' in until ? until.requests : Number.POSITIVE_INFINITY;
  const pauseMs = perSecond === null ? 0 : (connections / perSecond) * 1000;
  let turn = 0;
  const measuresAll = 'requests' in until;
  const seen = { answered: 0, sent: 0, refused: 0, latencies: [] as number[], measuring: measuresAll, over: false };

  async function keepPosting(socket: Socket, lane: number): Promise<void> {
    let due = performance.now() + (pauseMs * lane) / connections;
    while (!seen.over && turn < most) {
      if (pauseMs > 0) await sleep(Math.max(0, due - performance.now()));
      due += pauseMs;
      const startedAt = performance.now();
      turn += 1;
      socket.write(requests[turn % requests.length] ?? '');
      const status = await answerOn(socket);
      if (status !== '200') {
        seen.refused += 1;
        continue;
      }
      seen.sent += 1;
      if (!seen.measuring) continue;
      seen.answered += 1;
      seen.latencies.push(performance.now() - startedAt);
    }
    socket.destroy();
  }

  const sockets = Array.from({ length: connections }, () => connect(Number(new URL(url).port), '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  let startedAt = performance.now();
  const posting = Promise.all(sockets.map(keepPosting));
  if ('seconds' in until) {
    await sleep(warmUpSeconds * 1000);
    seen.measuring = true;
    startedAt = performance.now();
    await sleep(until.seconds * 1000);
    seen.measuring = false;
    seen.over = true;
  } else {
    await posting;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  await posting;
  const { answered, sent, refused, latencies } = seen;
  const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)];
  console.log(JSON.stringify({ answered, sent, refused, seconds, p50, p99 } satisfies LoadResult));
}

function bodiesOf(content: string, linesInBody: number): string[] {
  const lines = content.trim().split('\n');
  const count = Math.ceil(lines.length / linesInBody);
  return Array.from({ length: count }, (_, at) => lines.slice(at * linesInBody, (at + 1) * linesInBody).join('\n'));
}

function requestOf(url: URL, content: string, token: string): Buffer {
  const body = Buffer.from(content);
  const head = [
    `POST ${url.pathname} HTTP/1.1`,
    `Host: ${url.host}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/x-ndjson',
    `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(head.join('\r\n') + endOfHead), body]);
}

/** The status of the next answer. Both servers answer without a body. */
function answerOn(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let head = '';
    const onData = (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (!head.endsWith(endOfHead)) return;
      socket.off('data', onData).off('close', onClose);
      resolve(head.slice(9, 12));
    };
    const onClose = () => reject(new Error('the server has closed the connection'));
    socket.on('data', onData).once('close', onClose);
  });
}

await main(JSON.parse(process.argv[2] ?? '') as LoadOptions);
