import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../peers/processes.ts';
import { type KubernetesPeer, startKubernetes } from '../peers/start-kubernetes.ts';
import { aborted } from './fake-source.ts';
import { connectThroughGate, type GatedClient } from './widgets.ts';

let kubernetes: KubernetesPeer;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  kubernetes = await startKubernetes();
}, 180_000);

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

afterAll(() => kubernetes?.stop());

/** A process that competes for the Lease; `diary` tells when it leads. */
async function compete(name: string, identity: string, diary: string[]) {
  const gated: GatedClient = await connectThroughGate(kubernetes, { requestLimitMs: 1000 });
  const stopping = new AbortController();
  const ended = gated.client.runWhileLeading({
    namespace: 'default',
    name,
    identity,
    leaseSeconds: 1,
    stop: stopping.signal,
    async work(lost) {
      diary.push(`${identity} leads`);
      await aborted(lost).catch(() => undefined);
      diary.push(`${identity} ends`);
    },
  });
  const stop = async () => {
    stopping.abort();
    await ended;
  };
  stops.push(async () => {
    await stop();
    await gated.close();
  });
  return { gate: gated.gate, stop };
}

const says = (diary: string[], what: string) =>
  eventually(() => diary.includes(what), { what: `"${what}" in ${diary}` });

test('one leads, and the next only after it has ended and given the Lease back', async () => {
  const diary: string[] = [];
  const one = await compete('handover', 'one', diary);
  await says(diary, 'one leads');
  await compete('handover', 'two', diary);

  await one.stop();
  await says(diary, 'two leads');

  expect(diary).toEqual(['one leads', 'one ends', 'two leads']);
});

test('a leader that can no longer reach the API server lays down its work before another takes over', async () => {
  const diary: string[] = [];
  const one = await compete('cut-off', 'one', diary);
  await says(diary, 'one leads');
  await compete('cut-off', 'two', diary);

  one.gate.shut();
  await says(diary, 'two leads');

  expect(diary).toEqual(['one leads', 'one ends', 'two leads']);
});

test('a leader whose requests hang lays down its work before another takes over', async () => {
  const diary: string[] = [];
  const one = await compete('hanging', 'one', diary);
  await says(diary, 'one leads');
  await compete('hanging', 'two', diary);

  one.gate.hold();
  one.gate.cut();
  await says(diary, 'two leads');

  expect(diary).toEqual(['one leads', 'one ends', 'two leads']);
});
