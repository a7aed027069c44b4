import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startOpenBao } from '../peers/start-openbao.ts';
import type { VaultPeer } from '../peers/start-vault.ts';
import { eventually, fakeState, interestIn, jobsOf, startWorld, TOKEN, type World } from './fakes.ts';
import { settingsInGuide } from './guide-snippets.ts';

describe("OpenBao's http device, set up as in the guide", () => {
  let world: World;
  let bao: VaultPeer;

  beforeAll(async () => {
    world = await startWorld({
      state: fakeState(interestIn([{}, { mount: 'a/b/kv' }, { namespace: 'team-a', mount: 'kv' }], {})),
    });
    const settings = settingsInGuide('OpenBao', {
      'https://vss-events.example.com': world.url,
      '/openbao/audit/': 'FOLDER/',
    });
    bao = await startOpenBao({ settings, env: { VSS_TOKEN: TOKEN } });
    await bao.enableKv('a/b/kv', 2);
  });

  afterAll(async () => {
    await bao?.stop();
    await world?.webhook.close(1_000);
  });

  test('tells of every change before whoever made it is answered', async () => {
    world.state.added.splice(0);
    const heard: string[][] = [];
    const statuses: number[] = [];

    for (const [method, path, body] of [
      ['POST', 'secret/data/app', { data: { user: 'ada' } }],
      ['GET', 'secret/data/app', undefined],
      ['POST', 'a/b/kv/data/app', { data: { user: 'ada' } }],
      ['POST', 'a/b/kv/data/app', { data: { user: 'ada' }, options: { cas: 7 } }],
      ['DELETE', 'a/b/kv/data/app', undefined],
    ] as const) {
      statuses.push((await bao.api(method, path, body)).status);
      // The other reading of the path, as KV v1, is here because nobody said which version the mount has.
      heard.push(jobsOf(world.state.added.splice(0)).filter((job) => !job.includes(' data/')));
    }

    expect(statuses).toEqual([200, 200, 200, 400, 204]);
    expect(heard).toEqual([['path main  secret app'], [], ['path main  a/b/kv app'], [], ['path main  a/b/kv app']]);
    expect(await world.count('auditEntries', { verdict: 'malformed' })).toBe(0);
  });

  test('tells of a namespace: what is written in it, and that it was deleted', async () => {
    const inside = { 'X-Vault-Namespace': 'team-a' };
    await bao.api('POST', 'sys/namespaces/team-a', {});
    await bao.api('POST', 'sys/mounts/kv', { type: 'kv', options: { version: '1' } }, inside);
    world.state.added.splice(0);

    const written = await bao.api('POST', 'kv/app', { user: 'ada' }, inside);
    const heard = jobsOf(world.state.added.splice(0));
    const deleted = await bao.api('DELETE', 'sys/namespaces/team-a');

    expect([written.status, deleted.status]).toEqual([204, 200]);
    expect(heard).toEqual(['path main team-a kv app']);
    // An empty name of a mount: whatever is read from that Vault.
    expect(jobsOf(world.state.added.splice(0))).toEqual(['mount main  ']);
  });

  test('goes on while the queue is away: the file device has the entries, and a reconcile is asked for', async () => {
    world.state.mode = 'refusing';

    const { status } = await bao.api('POST', 'secret/data/meanwhile', { data: { user: 'ada' } });
    const heardMeanwhile = jobsOf(world.state.added);
    world.state.mode = 'up';

    expect(status).toBe(200);
    expect(heardMeanwhile).toEqual([]);
    expect(await world.count('ingestRefused', { reason: 'queue' })).toBeGreaterThan(0);
    await eventually(() => world.logged.some((line) => line.includes('"why":"refused"')), 'the request');
  });

  test('is answered, too late for the queue, while Redis says nothing', async () => {
    world.state.mode = 'silent';

    const { status } = await bao.api('POST', 'secret/data/held', { data: { user: 'ada' } });
    world.state.mode = 'up';

    expect(status).toBe(200);
    expect(await world.count('ingestRefused', { reason: 'queue' })).toBeGreaterThan(0);
  });
});
