import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { auditLine } from './entries.ts';
import {
  eventually,
  type FakeState,
  fakeClock,
  fakeState,
  interestIn,
  jobsOf,
  settle,
  startWorld,
  TOKEN,
  type World,
} from './fakes.ts';

const worlds: World[] = [];
const sockets: Socket[] = [];

async function start(options: Parameters<typeof startWorld>[0] = {}): Promise<World> {
  const world = await startWorld(options);
  worlds.push(world);
  return world;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const world of worlds.splice(0)) await world.webhook.close(100);
});

interface Sender {
  readonly socket: Socket;
  /** The status lines that came so far. */
  statuses(): string[];
  /** Everything that was answered so far. */
  answered(): string;
  /** Writes in one go, and waits for the answers to all of it. */
  send(...requests: readonly string[]): Promise<string[]>;
}

async function openSender(world: World): Promise<Sender> {
  const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
  sockets.push(socket);
  let answers = '';
  socket.on('data', (chunk) => {
    answers += String(chunk);
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const statuses = () => [...answers.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status = '']) => status);
  return {
    socket,
    statuses,
    answered: () => answers,
    async send(...requests) {
      const before = statuses().length;
      socket.write(requests.join(''));
      await eventually(() => statuses().length === before + requests.length, 'the answers');
      return statuses().slice(before);
    },
  };
}

const withToken = (token: string): string => `Authorization: Bearer ${token}`;

/** A request with its body behind its head, as most senders of few lines write it. */
function request(body: string, lines: readonly string[] = [withToken(TOKEN)], path = '/events'): string {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return `${[`POST ${path} HTTP/1.1`, 'Host: x', ...lines, length].join('\r\n')}\r\n\r\n${body}`;
}

const put = (name: string): string => auditLine({ path: `secret/data/${name}` });
const read = auditLine({ operation: 'read' });
const vaults = ['main', 'other'].map((name) => ({ name, address: `https://${name}.example.com`, aliases: [] }));
const job = (name: string): string => `path main  secret ${name}`;

/** A queue that holds what is handed in until it is told to take the first of it. */
function startHolding(): { state: FakeState; handedIn(): number; takeFirst(): void } {
  const state = fakeState();
  const add = state.inbox.add;
  const waiting: (() => void)[] = [];
  let handedIn = 0;
  state.inbox.add = async (jobs) => {
    if (jobs.every(({ job }) => job.kind !== 'mount')) {
      handedIn += 1;
      await new Promise<void>((take) => waiting.push(take));
    }
    await add(jobs);
  };
  return { state, handedIn: () => handedIn, takeFirst: () => waiting.shift()?.() };
}

describe('a body in one packet with its head', () => {
  test.each([
    ['ends with a newline', put('a'), [job('a')]],
    ['ends without one', put('a').trim(), [job('a')]],
    ['is several lines', put('a') + read + put('b'), [job('a'), job('b')]],
    ['is several lines, the last without a newline', put('a') + put('b').trim(), [job('a'), job('b')]],
    ['is objects one after another', put('a').trim() + put('b').trim(), [job('a'), job('b')]],
    ['is an array', `[${put('a').trim()},${put('b').trim()}]`, [job('a'), job('b')]],
    ['is spread over lines', JSON.stringify(JSON.parse(put('a')), null, 2), [job('a')]],
    ['has a prefix', `@cee: ${put('a').trim()}`, [job('a')]],
    ['is wrapped', JSON.stringify({ log: put('a') }), [job('a')]],
    ['is empty', '', []],
  ])('is heard that %s', async (_what, body, jobs) => {
    const world = await start();
    const { send } = await openSender(world);

    const statuses = await send(request(body));

    expect(statuses).toEqual(['200']);
    expect(jobsOf(world.state.added)).toEqual(jobs);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(0);
  });

  test('comes to the same wherever the packet is cut', async () => {
    const world = await start();
    const { socket, statuses } = await openSender(world);
    socket.setNoDelay(true);
    const whole = request(put('a').trim());
    const headEnd = whole.indexOf('\r\n\r\n') + 4;
    const cuts = [1, headEnd - 1, headEnd, headEnd + 1, headEnd + 100, whole.length - 1];

    for (const [times, at] of cuts.entries()) {
      socket.write(whole.slice(0, at));
      await settle();
      socket.write(whole.slice(at));
      await eventually(() => statuses().length === times + 1, 'the answer');
    }

    expect(statuses()).toEqual(cuts.map(() => '200'));
    expect(await world.count('auditEntries', { verdict: 'changed' })).toBe(cuts.length);
    expect(await world.count('auditEntries', {})).toBe(cuts.length);
  });

  test('is heard for itself, whatever came before it', async () => {
    const world = await start();
    const { send } = await openSender(world);
    const half = read.slice(0, 100);

    const statuses = await send(...[half, read, 'no JSON', read, ''].map((body) => request(body)));

    expect(statuses).toEqual(statuses.map(() => '200'));
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(2);
    expect(await world.count('auditEntries', { verdict: 'ignored' })).toBe(2);
  });

  test('is known by its content type as what is no JSON, after one that was JSON', async () => {
    const world = await start();
    const { send } = await openSender(world);
    const protobuf = [withToken(TOKEN), 'Content-Type: application/x-protobuf'];

    await send(request(read), request('\n\u0010\u0012', protobuf), request(read), request(put('a'), protobuf));

    const { values } = await world.metrics.unreadable.get();
    // Once for the body, once for what in it is no JSON.
    expect(values).toMatchObject([{ labels: { reason: 'Protobuf' }, value: 2 }]);
    expect(await world.count('auditEntries', { verdict: 'ignored' })).toBe(2);
    expect(jobsOf(world.state.added)).toContain(job('a'));
  });

  test('is of the Vault that it names', async () => {
    const kvVersions = { '["main","","secret"]': 2, '["other","","secret"]': 2 } as const;
    const state = fakeState(interestIn([{ vault: 'main' }, { vault: 'other' }], kvVersions));
    const world = await start({ settings: { vaults }, state });
    const { send } = await openSender(world);
    const post = (name: string, vault: string) => request(put(name), [withToken(TOKEN)], `/events/${vault}`);

    await send(post('a', 'main'), post('b', 'other'), post('c', 'main'), post('d', 'other'));

    const heard = state.added.flatMap(({ job }) => (job.kind === 'path' ? [`${job.vault} ${job.name}`] : []));
    expect(heard).toEqual(['main a', 'other b', 'main c', 'other d']);
  });

  test('is answered without a body, whatever the answer', async () => {
    const world = await start();
    const { send, answered } = await openSender(world);

    const statuses = await send(request(read), request(read, []), request(read, [withToken(TOKEN)], '/nowhere'));
    world.state.mode = 'refusing';
    statuses.push(...(await send(request(put('a')))));

    expect(statuses).toEqual(['200', '401', '404', '503']);
    expect(answered().match(/^Content-Length: 0\r$/gm)).toHaveLength(4);
  });

  test('is let go of once it is answered, though its connection stays', async () => {
    const requests: IncomingMessage[] = [];
    const keep = (message: unknown) => void requests.push((message as { request: IncomingMessage }).request);
    subscribe('http.server.request.start', keep);
    const world = await start();
    const { send } = await openSender(world);

    await send(request(read), request(put('a')), request(''));
    await eventually(() => requests.every((each) => each.closed), 'the end of the requests');
    unsubscribe('http.server.request.start', keep);

    expect(requests.map((each) => each.readableEnded)).toEqual([true, true, true]);
  });

  test('beyond the longest is answered 413', async () => {
    const world = await start({ settings: { limits: { maxBodyBytes: 1_000 } } });
    const { send } = await openSender(world);

    const statuses = await send(request(' '.repeat(1_000)), request(' '.repeat(1_001)));

    expect(statuses).toEqual(['200', '413']);
  });

  test('is taken also from one who would have waited to be asked', async () => {
    const world = await start();
    const { socket, statuses } = await openSender(world);

    socket.write(request(put('a'), [withToken(TOKEN), 'Expect: 100-continue']));
    await eventually(() => statuses().length === 2, 'the answers');

    expect(statuses()).toEqual(['100', '200']);
    expect(jobsOf(world.state.added)).toEqual([job('a')]);
  });

  test('is answered before a connection ends that is to end with it', async () => {
    const world = await start();
    const { socket, statuses } = await openSender(world);
    const ended = once(socket, 'end');

    socket.write(request(read, [withToken(TOKEN), 'Connection: close']));
    await ended;

    expect(statuses()).toEqual(['200']);
    expect(await world.count('auditEntries', { verdict: 'ignored' })).toBe(1);
  });

  test('does not count against its sender once it is answered, whether it had jobs or none', async () => {
    const world = await start({ settings: { limits: { maxRequestsPerSender: 1 } } });
    const { send } = await openSender(world);

    const statuses: string[] = [];
    for (const body of [read, read, put('a'), put('b'), read]) statuses.push(...(await send(request(body))));

    expect(statuses).toEqual(['200', '200', '200', '200', '200']);
  });
});

describe('jobs of a body in one packet with its head', () => {
  test('wait each for their own, while those of another are on their way', async () => {
    const { state, handedIn, takeFirst } = startHolding();
    const world = await start({ state, clock: fakeClock(Date.now()) });
    const [one, other] = [await openSender(world), await openSender(world)];

    one.socket.write(request(put('a')));
    await eventually(() => handedIn() === 1, 'the jobs of the first');
    other.socket.write(request(put('b')));
    await eventually(() => handedIn() === 2, 'the jobs of the second');
    const idle = await openSender(world);
    const irrelevant = await idle.send(request(read));
    takeFirst();
    await eventually(() => one.statuses().length === 1, 'the first answer');
    const answeredThen = other.statuses();
    takeFirst();
    await eventually(() => other.statuses().length === 1, 'the second answer');

    expect(irrelevant).toEqual(['200']);
    expect(answeredThen).toEqual([]);
    expect([one.statuses(), other.statuses()]).toEqual([['200'], ['200']]);
    expect(jobsOf(state.added)).toEqual([job('a'), job('b')]);
  });

  test('are not handed in with those of the next one, when the queue did not take them', async () => {
    const world = await start();
    const { send } = await openSender(world);

    await send(request(put('a')));
    world.state.mode = 'refusing';
    const refused = await send(request(put('b')));
    world.state.mode = 'up';
    const taken = await send(request(put('c')));

    expect([refused, taken]).toEqual([['503'], ['200']]);
    expect(jobsOf(world.state.added).filter((each) => each.startsWith('path'))).toEqual([job('a'), job('c')]);
  });
});

describe('a mistake of ours', () => {
  test('is answered 503, said in the log, and asks for a reconcile; the next request is served', async () => {
    const clock = fakeClock(Date.now());
    const world = await start({ clock, settings: { limits: { maxRequestsPerSender: 1 } } });
    const { send } = await openSender(world);
    // What a histogram keeps of its labels; without it, `observe` throws.
    const histogram = world.metrics.entryToReceiptSeconds as unknown as { hashMap: object | null };
    const { hashMap } = histogram;

    histogram.hashMap = null;
    const failed = await send(request(put('a')));
    histogram.hashMap = hashMap;
    const served = await send(request(put('b')));
    await clock.advance(300_000);

    expect([failed, served]).toEqual([['503'], ['200']]);
    expect(jobsOf(world.state.added)).toEqual([job('b'), 'mount main  ']);
    expect(world.logged.filter((line) => line.includes('a request failed'))).toHaveLength(1);
    expect(await world.count('ingestRefused', { reason: 'bug' })).toBe(1);
  });
});

describe('a connection whose sender was let in', () => {
  test('does not let in another token that comes on it, of the same length or not', async () => {
    const world = await start();
    const { send } = await openSender(world);
    const other = TOKEN.replace(/.$/, 'x');
    const presenting = (...tokens: string[]) => request(read, tokens.map(withToken));

    const statuses = await send(
      presenting(TOKEN),
      presenting(other),
      presenting('short'),
      presenting(`${TOKEN}x`),
      presenting(),
      presenting(TOKEN),
    );

    expect(other).toHaveLength(TOKEN.length);
    expect(statuses).toEqual(['200', '401', '401', '401', '401', '200']);
  });

  test('takes each request for whose token it has', async () => {
    const tokens = vaults.map(({ name }) => ({ token: `the-token-${name}`, vault: name }));
    const world = await start({ settings: { vaults, tokens } });
    const { send } = await openSender(world);
    const own = (name: string) => `X-Vault-Secret-Sync-Token: the-token-${name}`;

    const statuses = await send(
      request(read, [withToken('the-token-main')], '/events/main'),
      request(read, [withToken('the-token-other')], '/events/main'),
      request(read, [withToken('the-token-other')], '/events/other'),
      request(read, [withToken('the-token-other'), own('main')], '/events/main'),
      request(read, [withToken('the-token-other')], '/events/other'),
    );

    expect(statuses).toEqual(['200', '403', '200', '200', '200']);
  });
});
