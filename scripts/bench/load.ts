import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from './table.ts';

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

/**
 * `load.ts URL FILE TOKEN CONNECTIONS SECONDS whole|lines`: posts the file, or its lines in turn, over and over, one
 * request at a time on each kept-alive connection, by bare sockets, so that the load costs less than what it loads.
 */
async function main([url = '', file = '', token = '', connections = '1', seconds = '1', bodies = 'whole']: string[]) {
  const content = await readFile(file, 'utf8');
  const requests = (bodies === 'lines' ? content.trim().split('\n') : [content]).map((body) =>
    requestOf(new URL(url), body, token),
  );
  let turn = 0;
  const seen = { answered: 0, sent: 0, refused: 0, latencies: [] as number[], measuring: false, over: false };

  async function keepPosting(socket: Socket): Promise<void> {
    while (!seen.over) {
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

  const sockets = Array.from({ length: Number(connections) }, () => connect(Number(new URL(url).port), '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const posting = Promise.all(sockets.map(keepPosting));
  await sleep(warmUpSeconds * 1000);
  seen.measuring = true;
  const startedAt = performance.now();
  await sleep(Number(seconds) * 1000);
  seen.measuring = false;
  const measuredSeconds = (performance.now() - startedAt) / 1000;
  seen.over = true;
  await posting;
  const { answered, sent, refused, latencies } = seen;
  const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)];
  console.log(JSON.stringify({ answered, sent, refused, seconds: measuredSeconds, p50, p99 }));
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

await main(process.argv.slice(2));
