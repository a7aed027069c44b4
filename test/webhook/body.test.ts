import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { auditLine } from './entries.ts';
import {
  eventually,
  fakeClock,
  fakeState,
  interestIn,
  jobsOf,
  postEvents,
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

interface Connection {
  readonly socket: Socket;
  /** The status lines that came so far. */
  statuses(): string[];
}

/** A connection on which requests are written by hand. */
function open(world: World): Connection {
  const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
  sockets.push(socket);
  let answers = '';
  socket.on('data', (chunk) => {
    answers += String(chunk);
  });
  socket.on('error', () => undefined);
  return { socket, statuses: () => [...answers.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status = '']) => status) };
}

interface Head {
  readonly path?: string;
  readonly token?: string;
  readonly lines?: readonly string[];
}

function head({ path = '/events', token = TOKEN, lines = [] }: Head): string {
  return [`POST ${path} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${token}`, ...lines, '', ''].join('\r\n');
}

function request(body: string, options: Head = {}): string {
  return head({ ...options, lines: [`Content-Length: ${body.length}`, ...(options.lines ?? [])] }) + body;
}

const megabytes = auditLine({ operation: 'read', requestData: 'x'.repeat(1_000_000) }).repeat(5);

describe('the connection of a sender', () => {
  test.each([
    { what: 'has an encoding nobody knows', with: { lines: ['Content-Encoding: snappy'] }, status: '200' },
    { what: 'is no gzip, as it says', with: { lines: ['Content-Encoding: gzip'] }, status: '200' },
    { what: 'comes with a wrong token', with: { token: 'wrong' }, status: '401' },
  ])('serves the next request after a large body that $what', async ({ with: options, status }) => {
    const world = await start();
    const { socket, statuses } = open(world);

    socket.write(request(megabytes, options));
    await eventually(() => statuses().length === 1, 'the first answer');
    socket.write(request(auditLine()));
    await eventually(() => statuses().length === 2, 'the second answer');

    expect(statuses()).toEqual([status, '200']);
    expect(world.state.added).toHaveLength(1);
  });

  test('serves the next request after a body that the queue did not take', async () => {
    const world = await start();
    const { socket, statuses } = open(world);
    world.state.mode = 'refusing';

    socket.write(request(changes(12_000) + megabytes));
    await eventually(() => statuses().length === 1, 'the first answer');
    world.state.mode = 'up';
    socket.write(request(auditLine()));
    await eventually(() => statuses().length === 2, 'the second answer');

    expect(statuses()).toEqual(['503', '200']);
    expect(jobsOf(world.state.added)).toContain('path main  secret app/db');
  });

  test('serves requests that come all at once, in their order', async () => {
    const world = await start();
    const { socket, statuses } = open(world);
    const bodies = ['a', 'b', 'c'].map((name) => auditLine({ path: `secret/data/${name}` }));

    socket.write(bodies.map((body) => request(body)).join(''));
    await eventually(() => statuses().length === 3, 'the answers');

    expect(jobsOf(world.state.added)).toEqual(['a', 'b', 'c'].map((name) => `path main  secret ${name}`));
  });
});

describe('a body', () => {
  test('may come in pieces of a byte, of a length that is not told', async () => {
    const world = await start();
    const { socket, statuses } = open(world);
    socket.setNoDelay(true);

    socket.write(head({ lines: ['Transfer-Encoding: chunked'] }));
    for (const byte of auditLine({ version: 2 })) socket.write(`1\r\n${byte}\r\n`);
    socket.write('0\r\n\r\n');
    await eventually(() => statuses().length === 1, 'the answer');

    expect(jobsOf(world.state.added)).toEqual(['path main  secret app/db']);
  });

  test('is asked for when the sender waits for that', async () => {
    const world = await start();
    const { socket, statuses } = open(world);
    const line = auditLine();

    socket.write(head({ lines: [`Content-Length: ${line.length}`, 'Expect: 100-continue'] }));
    await eventually(() => statuses().length === 1, 'the word to go on');
    socket.write(line);
    await eventually(() => statuses().length === 2, 'the answer');

    expect(statuses()).toEqual(['100', '200']);
    expect(world.state.added).toHaveLength(1);
  });

  test.each([
    { what: 'grows without measure', encoding: 'gzip', piece: gzipSync(Buffer.alloc(40_000_000, ' ')), status: '413' },
    { what: 'has an encoding nobody knows', encoding: 'snappy', piece: Buffer.from('abc'), status: '200' },
    { what: 'is no gzip, as it says', encoding: 'gzip', piece: Buffer.from('no gzip'), status: '200' },
  ])('that $what is answered before it ends', async ({ encoding, piece, status }) => {
    const world = await start();
    const { socket, statuses } = open(world);

    socket.write(head({ lines: ['Content-Length: 1000000', `Content-Encoding: ${encoding}`] }));
    socket.write(piece);
    await eventually(() => statuses().length === 1, 'the answer');

    expect(statuses()).toEqual([status]);
  });

  test('is read no further while the queue takes what was gathered of it', async () => {
    const { world, handedIn, release } = await startHolding();

    const answer = postEvents(world, changes(30_000));
    await eventually(() => handedIn() > 0, 'the first jobs handed in');
    await keepBusy(world);
    const handedInMeanwhile = handedIn();
    release();
    const { status } = await answer;

    expect(handedInMeanwhile).toBe(1);
    expect(status).toBe(200);
    expect(world.state.added).toHaveLength(30_000);
  });

  test('that ends while the queue takes the last of it is not answered before', async () => {
    const { world, handedIn, release } = await startHolding();
    let answered = false;

    const answer = postEvents(world, changes(10_001)).then(() => {
      answered = true;
    });
    await eventually(() => handedIn() > 0, 'the first jobs handed in');
    await keepBusy(world);
    const answeredBefore = answered;
    release();
    await answer;

    expect(answeredBefore).toBe(false);
    expect(world.state.added).toHaveLength(10_001);
  });
});

function changes(count: number): string {
  return Array.from({ length: count }, (_, index) => auditLine({ path: `secret/data/app-${index}` })).join('');
}

/** A webhook whose queue takes nothing until it is released; its clock stands, so that it does not give up. */
async function startHolding() {
  const state = fakeState();
  const world = await start({ state, clock: fakeClock(Date.now()) });
  const add = state.inbox.add;
  const held: (() => void)[] = [];
  state.inbox.add = async (jobs) => {
    await new Promise<void>((resolve) => held.push(resolve));
    await add(jobs);
  };
  return {
    world,
    handedIn: () => held.length,
    release() {
      state.inbox.add = add;
      for (const take of held) take();
    },
  };
}

/** Gives the webhook time enough to read all of another body, were it read. */
async function keepBusy(world: World): Promise<void> {
  for (let times = 0; times < 10; times++) await postEvents(world, megabytes);
}

const vaults = ['main', 'other'].map((name) => ({ name, address: `https://${name}.example.com`, aliases: [] }));

describe('the address', () => {
  test.each([
    '/events/other',
    '/events/other/',
    '/events/%6fther',
    '/Events/other?source=vault-0',
    'http://x/events/other',
  ])('that names a Vault may be written %s', async (path) => {
    const state = fakeState(interestIn([{ vault: 'other' }], {}));
    const world = await start({ settings: { vaults }, state });
    const { socket, statuses } = open(world);

    socket.write(request(auditLine({ version: 1 }), { path }));
    await eventually(() => statuses().length === 1, 'the answer');

    expect(statuses()).toEqual(['200']);
    expect(state.added.at(-1)?.job).toMatchObject({ kind: 'path', vault: 'other' });
  });

  test.each(['/events?source=vault-0', '/events/', 'http://x/events'])('that names none may be %s', async (path) => {
    const world = await start();
    const { socket, statuses } = open(world);

    socket.write(request(auditLine(), { path }));
    await eventually(() => statuses().length === 1, 'the answer');

    expect(statuses()).toEqual(['200']);
    expect(jobsOf(world.state.added)).toEqual(['path main  secret app/db']);
  });
});
