import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { eventually, fakeState, interestIn, jobsOf, startWorld, type World } from './fakes.ts';

let world: World;
let vault: VaultPeer;

beforeAll(async () => {
  const interest = interestIn([{}, { mount: 'old', literal: 'app' }, { mount: 'team-a/kv' }], {});
  world = await startWorld({ state: fakeState(interest) });
  vault = await startVault({
    mounts: { old: 1, 'team-a/kv': 2 },
    auditSockets: [{ host: '127.0.0.1', port: world.tcpPort }],
  });
}, 600_000);

afterAll(async () => {
  await vault.stop();
  await world.webhook.close(1_000);
});

/** The jobs that a request to Vault leads to: all that come before those of a marker written after it. */
async function jobsAfter(request: () => Promise<unknown>): Promise<string[]> {
  world.state.added.splice(0);
  await request();
  await vault.api('POST', 'secret/data/marker', { data: { mark: 'x' } });
  await eventually(() => jobsOf(world.state.added).includes('path main  secret marker'), 'the marker');
  return jobsOf(world.state.added).filter((job) => !job.includes('marker'));
}

/** The two readings of a KV v2 path whose mount's version is not known. */
function readings(mount: string, name: string): string[] {
  return [`path main  ${mount} ${name}`, `path main  ${mount} data/${name}`];
}

describe("Vault's own socket audit device, pointed at the TCP listener", () => {
  test('a put is heard, with its version', async () => {
    const jobs = await jobsAfter(() => vault.cli(['kv', 'put', 'secret/app', 'user=ada']));

    expect(jobs).toEqual(readings('secret', 'app'));
    expect(world.state.added[0]?.heard).toMatchObject({ version: 1 });
  });

  test('a patch is heard, with the next version', async () => {
    const jobs = await jobsAfter(() => vault.cli(['kv', 'patch', 'secret/app', 'password=x']));

    expect(jobs).toEqual(readings('secret', 'app'));
    expect(world.state.added[0]?.heard).toMatchObject({ version: 2 });
  });

  test.each([
    { what: 'a delete', segment: 'data', send: () => vault.cli(['kv', 'delete', 'secret/app']) },
    {
      what: 'an undelete',
      segment: 'undelete',
      send: () => vault.cli(['kv', 'undelete', '-versions=2', 'secret/app']),
    },
    { what: 'a destroy', segment: 'destroy', send: () => vault.cli(['kv', 'destroy', '-versions=1', 'secret/app']) },
    {
      what: 'a change of its metadata',
      segment: 'metadata',
      send: () => vault.cli(['kv', 'metadata', 'put', '-custom-metadata=owner=ada', 'secret/app']),
    },
    {
      what: 'the deletion of all versions',
      segment: 'metadata',
      send: () => vault.cli(['kv', 'metadata', 'delete', 'secret/app']),
    },
  ])('$what is heard', async ({ segment, send }) => {
    const jobs = await jobsAfter(send);

    expect(jobs).toEqual(['path main  secret app', `path main  secret ${segment}/app`]);
  });

  test('a denied delete, a failed check-and-set and a read are not', async () => {
    const denied = { 'X-Vault-Token': 'no-such-token' };

    const jobs = await jobsAfter(async () => {
      await vault.api('DELETE', 'secret/data/app', undefined, denied);
      await vault.api('POST', 'secret/data/app', { data: { a: 'b' }, options: { cas: 99 } });
      await vault.api('GET', 'secret/data/app');
      await vault.api('LIST', 'secret/metadata');
    });

    expect(jobs).toEqual([]);
  });

  test('KV v1 and mounts with slashes are heard', async () => {
    const jobs = await jobsAfter(async () => {
      await vault.api('POST', 'old/app', { user: 'ada' });
      await vault.api('POST', 'team-a/kv/data/app', { data: { user: 'ada' } });
      await vault.api('DELETE', 'old/app');
    });

    expect([...new Set(jobs)]).toEqual(['path main  old app', ...readings('team-a/kv', 'app')]);
  });

  test('a tuned and a disabled mount ask for a reconcile of that mount', async () => {
    const jobs = await jobsAfter(async () => {
      await vault.api('POST', 'sys/mounts/old/tune', { description: 'x' });
      await vault.api('DELETE', 'sys/mounts/team-a/kv');
      await vault.api('POST', 'sys/mounts/unwanted', { type: 'kv' });
    });

    expect([...new Set(jobs)]).toEqual(['mount main  old', 'mount main  team-a/kv']);
  });
});
