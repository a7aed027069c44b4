import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Reflector } from '../../src/kubernetes/contract.ts';
import { eventually } from '../peers/processes.ts';
import { type KubernetesPeer, startKubernetes } from '../peers/start-kubernetes.ts';
import {
  applyWidgets,
  connectThroughGate,
  createHands,
  type GatedClient,
  inParallel,
  type Widget,
  widgets,
} from './widgets.ts';

let kubernetes: KubernetesPeer;
let hands: ReturnType<typeof createHands>;
const opened: GatedClient[] = [];

beforeAll(async () => {
  kubernetes = await startKubernetes();
  await applyWidgets(kubernetes);
  for (const name of ['many', 'live', 'cut', 'other']) await kubernetes.kubectl(['create', 'namespace', name]);
  hands = createHands(kubernetes);
}, 600_000);

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

afterAll(async () => {
  await hands?.close();
  await kubernetes?.stop();
});

async function connect() {
  const gated = await connectThroughGate(kubernetes);
  opened.push(gated);
  return gated;
}

interface Following {
  readonly reflector: Reflector<Widget>;
  readonly heard: string[];
  hears(what: string): Promise<unknown>;
}

function follow({ client }: GatedClient, ...namespaces: string[]): Following {
  const heard: string[] = [];
  const reflector = client.reflect<Widget>({
    resource: widgets,
    namespaces,
    onSynced: () => void heard.push('synced'),
    onChange: ({ metadata, spec }) => void heard.push(`changed ${metadata.name} ${spec.colour}`),
    onDelete: ({ metadata }) => void heard.push(`deleted ${metadata.name}`),
  });
  const hears = (what: string) => eventually(() => heard.includes(what), { what: `"${what}" in ${heard}` });
  return { reflector, heard, hears };
}

/** How often the API server was asked to list widgets since it started. */
async function listsAnswered(): Promise<number> {
  const { stdout } = await kubernetes.kubectl(['get', '--raw', '/metrics']);
  const lines = stdout.split('\n').filter((line) => line.startsWith('apiserver_request_total{'));
  const lists = lines.filter((line) => line.includes('resource="widgets"') && line.includes('verb="LIST"'));
  return lists.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe('on the real API server', () => {
  test('1,200 objects are listed in pages over one connection, without managedFields', async () => {
    const names = Array.from({ length: 1200 }, (_, index) => `w${index}`);
    await inParallel(names, 16, (name) => hands.create('many', name));
    const before = await listsAnswered();
    const gated = await connect();

    const { reflector, heard } = follow(gated, 'many');
    await reflector.synced;

    expect(heard).toHaveLength(1201);
    expect(heard.at(-1)).toBe('synced');
    expect(reflector.store.list()).toHaveLength(1200);
    expect(reflector.store.get('many', 'w7')?.metadata).not.toHaveProperty('managedFields');
    expect((await listsAnswered()) - before).toBe(3);
    expect(gated.gate.made()).toBeLessThanOrEqual(2);
  });

  test('what is created, changed and deleted is heard', async () => {
    const { reflector, hears } = follow(await connect(), 'live');
    await reflector.synced;

    await hands.create('live', 'a');
    await hears('changed a red');
    await hands.paint('live', 'a', 'blue');
    await hears('changed a blue');
    await hands.remove('live', 'a');
    await hears('deleted a');

    expect(reflector.store.list()).toEqual([]);
    expect(reflector.problem()).toBeNull();
  });

  test('only the namespaces asked for are heard of', async () => {
    const { reflector, heard, hears } = follow(await connect(), 'live', 'other');
    await reflector.synced;

    await hands.create('cut', 'elsewhere');
    await hands.create('other', 'o');
    await hands.create('live', 'l');
    await hears('changed o red');
    await hears('changed l red');

    expect(heard.filter((what) => what.includes('elsewhere'))).toEqual([]);
    await Promise.all([hands.remove('cut', 'elsewhere'), hands.remove('other', 'o'), hands.remove('live', 'l')]);
  });

  test('after a short break nothing was missed, and nothing is listed again', async () => {
    const gated = await connect();
    const { reflector, hears } = follow(gated, 'cut');
    await hands.create('cut', 'first');
    await hears('changed first red');
    const before = await listsAnswered();

    gated.gate.shut();
    await eventually(() => reflector.problem(), { what: 'a problem' });
    await hands.create('cut', 'second');
    await hands.remove('cut', 'first');
    gated.gate.let();

    await hears('changed second red');
    await hears('deleted first');
    expect(reflector.problem()).toBeNull();
    expect(await listsAnswered()).toBe(before);
    await hands.remove('cut', 'second');
  });

  test('after a restart that forgot our version (410) everything is listed again, and nothing was missed', async () => {
    const gated = await connect();
    for (const name of ['kept', 'painted', 'removed', 'replaced']) await hands.create('cut', name);
    const { reflector, heard, hears } = follow(gated, 'cut');
    await reflector.synced;

    gated.gate.shut();
    await hands.paint('cut', 'painted', 'blue');
    await hands.remove('cut', 'removed');
    await hands.remove('cut', 'replaced');
    await hands.create('cut', 'replaced', 'green');
    await hands.create('cut', 'new');
    heard.length = 0;
    await kubernetes.restart();
    gated.gate.let();

    await hears('changed new red');
    expect([...heard].sort()).toEqual([
      'changed new red',
      'changed painted blue',
      'changed replaced green',
      'deleted removed',
      'deleted replaced',
    ]);
    expect(heard.indexOf('deleted replaced')).toBeLessThan(heard.indexOf('changed replaced green'));
    expect(await listsAnswered()).toBeGreaterThan(0);
    await eventually(() => reflector.problem() === null, { what: 'no problem' });
    await hands.paint('cut', 'kept', 'grey');
    await hears('changed kept grey');
  });
});

describe('stopping leaves no connection in use', () => {
  test('while the watch is open', async () => {
    const gated = await connect();
    const { reflector, heard } = follow(gated, 'live');
    await reflector.synced;

    await reflector.stop();
    await hands.create('live', 'late');
    await gated.client.close();

    await eventually(() => gated.gate.open() === 0, { what: 'no connection' });
    expect(heard).toEqual(['synced']);
    await hands.remove('live', 'late');
  });

  test('while connecting', async () => {
    const gated = await connect();
    gated.gate.hold();
    const { reflector } = follow(gated, 'live');
    await eventually(() => gated.gate.made() > 0, { what: 'a connection' });

    await reflector.stop();
    await gated.client.close();

    expect(await reflector.synced).toBe(false);
    await eventually(() => gated.gate.open() === 0, { what: 'no connection' });
  });

  test('while the API server thinks about the list', async () => {
    const gated = await connect();
    await gated.client.kubeSystemUid();
    await kubernetes.pause();
    const { reflector } = follow(gated, 'live');

    await reflector.stop();
    await gated.client.close();
    kubernetes.resume();

    await eventually(() => gated.gate.open() === 0, { what: 'no connection' });
  });

  test('while it waits to try again', async () => {
    const gated = await connect();
    gated.gate.shut();
    const { reflector } = follow(gated, 'live');
    await eventually(() => reflector.problem(), { what: 'a problem' });

    await reflector.stop();
    gated.gate.let();
    const made = gated.gate.made();
    await gated.client.close();

    expect(gated.gate.made()).toBe(made);
    expect(gated.gate.open()).toBe(0);
  });
});

describe('connections', () => {
  test('are shared: 300 calls one after another need one or two', async () => {
    const gated = await connect();

    for (let call = 0; call < 300; call++) await gated.client.kubeSystemUid();

    expect(gated.gate.made()).toBeLessThanOrEqual(2);
  });

  test('are shared: 300 calls, ten at a time, need no more than two for each of the ten', async () => {
    const gated = await connect();

    await inParallel(Array.from({ length: 300 }), 10, () => gated.client.kubeSystemUid());

    expect(gated.gate.made()).toBeLessThanOrEqual(20);
  });

  test('of a call that is not answered are given up after the limit, and the next call works', async () => {
    const gated = await connectThroughGate(kubernetes, { requestLimitMs: 3_000 });
    opened.push(gated);
    await gated.client.kubeSystemUid();

    await kubernetes.pause();
    const asked = gated.client.kubeSystemUid();
    await expect(asked).rejects.toMatchObject({ remedy: 'Retry', reason: 'Unreachable' });
    kubernetes.resume();

    await expect(gated.client.kubeSystemUid()).resolves.toMatch(/^[0-9a-f-]{36}$/);
  });

  test('are all closed by close()', async () => {
    const gated = await connect();
    await gated.client.kubeSystemUid();

    await gated.client.close();

    await eventually(() => gated.gate.open() === 0, { what: 'no connection' });
  });
});
