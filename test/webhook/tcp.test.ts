import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { auditLine } from './entries.ts';
import { eventually, jobsOf, startWorld, type World } from './fakes.ts';

const worlds: World[] = [];
const sockets: Socket[] = [];

async function start(options: Parameters<typeof startWorld>[0] = {}): Promise<World> {
  const world = await startWorld(options);
  worlds.push(world);
  return world;
}

/** A connection as Vault's socket device makes it. */
async function dial(world: World): Promise<Socket> {
  const socket = connect(world.tcpPort, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect');
  return socket;
}

function lineOf(name: string): string {
  return auditLine({ path: `secret/data/${name}` });
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const world of worlds.splice(0)) await world.webhook.close(100);
});

describe('the TCP listener', () => {
  test('makes jobs of lines as they arrive', async () => {
    const world = await start();
    const socket = await dial(world);

    socket.write(lineOf('a') + auditLine({ operation: 'read' }) + lineOf('b'));

    await eventually(() => world.state.added.length === 2, 'both jobs');
    expect(jobsOf(world.state.added)).toEqual(['path main  secret a', 'path main  secret b']);
    expect(await world.count('auditEntries', { verdict: 'ignored' })).toBe(1);
  });

  test('puts a line together that arrives in two', async () => {
    const world = await start();
    const socket = await dial(world);
    socket.setNoDelay(true);
    const line = lineOf('a');

    socket.write(lineOf('first') + line.slice(0, 300));
    await eventually(() => world.state.added.length === 1, 'the first job');
    socket.write(line.slice(300));

    await eventually(() => world.state.added.length === 2, 'the second job');
    expect(jobsOf(world.state.added)).toEqual(['path main  secret first', 'path main  secret a']);
  });

  test('drops the half line of a connection that breaks, and takes it whole on the next', async () => {
    const world = await start();
    const first = await dial(world);
    first.end(lineOf('a') + lineOf('b').slice(0, 100));
    await eventually(() => first.closed, 'the end of the first connection');

    const second = await dial(world);
    second.write(lineOf('b'));

    await eventually(() => world.state.added.length === 2, 'both jobs');
    expect(jobsOf(world.state.added)).toEqual(['path main  secret a', 'path main  secret b']);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(1);
  });

  test('keeps the lines of several connections apart', async () => {
    const world = await start();
    const [one, two] = [await dial(world), await dial(world)];

    one.write(lineOf('one').slice(0, 200));
    two.write(lineOf('two'));
    await eventually(() => world.state.added.length === 1, 'the job of the second');
    one.write(lineOf('one').slice(200));

    await eventually(() => world.state.added.length === 2, 'the job of the first');
    expect(jobsOf(world.state.added)).toEqual(['path main  secret two', 'path main  secret one']);
  });

  test('counts and skips what is no JSON or too long, and goes on', async () => {
    const world = await start({ settings: { limits: { maxLineBytes: 100_000 } } });
    const socket = await dial(world);

    socket.write('no JSON\n');
    socket.write(auditLine({ requestData: 'x'.repeat(4_000_000) }));
    socket.write(lineOf('a'));

    await eventually(() => world.state.added.length === 1, 'the job');
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(2);
  });

  test('gathers while jobs are handed in, and hands in the rest at once', async () => {
    const world = await start();
    const { add } = world.state.inbox;
    const takes: (() => void)[] = [];
    world.state.inbox.add = async (jobs) => {
      await new Promise<void>((take) => takes.push(take));
      await add(jobs);
    };
    const socket = await dial(world);
    socket.write(lineOf('a'));
    await eventually(() => takes.length === 1, 'the first jobs handed in');

    socket.write(lineOf('b') + lineOf('c'));
    socket.write(lineOf('b') + auditLine({ operation: 'read' }));
    await eventually(async () => (await world.count('auditEntries', { verdict: 'ignored' })) === 1, 'the last line');
    takes[0]?.();
    await eventually(() => takes.length === 2, 'the rest handed in');
    takes[1]?.();

    await eventually(() => world.state.added.length === 3, 'all jobs');
    expect(jobsOf(world.state.added)).toEqual(['path main  secret a', 'path main  secret b', 'path main  secret c']);
    expect(world.state.calls).toBe(2);
  });

  test('keeps what it heard while the queue is away, and hands it in when it is back', async () => {
    const world = await start();
    const socket = await dial(world);
    world.state.mode = 'refusing';
    socket.write(lineOf('a'));
    await eventually(() => !world.webhook.ready().ready, 'the queue to be found away');
    socket.write(lineOf('b'));

    world.state.mode = 'up';

    await eventually(() => world.state.added.length === 2, 'both jobs');
    expect(jobsOf(world.state.added)).toEqual(['path main  secret a', 'path main  secret b']);
  });

  test('turns away an address that is not allowed', async () => {
    const world = await start({
      settings: { tcp: [{ host: '127.0.0.1', port: 0, vault: 'main', allow: ['10.0.0.0/8'] }] },
    });

    const socket = await dial(world);
    socket.write(lineOf('a'));

    await eventually(() => socket.closed, 'the end of the connection');
    expect(await world.count('ingestRefused', { reason: 'address' })).toBe(1);
    expect(world.state.added).toEqual([]);
  });

  test('ends its connections when the webhook closes, and hands in what it gathered', async () => {
    const world = await start();
    const socket = await dial(world);
    world.state.mode = 'refusing';
    socket.write(lineOf('a'));
    await eventually(() => !world.webhook.ready().ready, 'the queue to be found away');
    world.state.mode = 'up';

    await world.webhook.close(1_000);

    await eventually(() => socket.closed, 'the end of the connection');
    expect(jobsOf(world.state.added)).toContain('path main  secret a');
  });

  test('needs no token where there is no HTTP listener', async () => {
    const world = await start({ settings: { http: null, tokens: [] } });

    expect(world.webhook.httpAddress).toBeNull();
    expect(world.webhook.tcpAddresses).toHaveLength(1);
  });
});
