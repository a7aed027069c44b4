import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { composeStores, type Stores } from '../../src/cli/compose/stores.ts';
import { loadSettings } from '../../src/config/load.ts';
import type { Destination } from '../../src/crd/vault-secret-sync.ts';
import { createLogger } from '../../src/logging.ts';
import type { Target } from '../../src/sync-targets/contract.ts';

const settings = loadSettings({
  file: {
    name: 'settings.yaml',
    text: JSON.stringify({
      installation: 'test',
      vaults: [{ name: 'main', address: 'https://vault.example.com', auth: { method: 'token', token: 'x' } }],
      webhook: { tokens: [{ token: 'a token of the tests, long enough' }] },
      stores: { aws: { region: 'eu-west-1' } },
    }),
  },
  env: {},
  flags: {},
});
const logger = createLogger({ level: 'silent' });
const hour = 3_600_000;
const roleArn = 'arn:aws:iam::123456789012:role/writer';
const asWriter: Destination = { aws: { roleArn, auth: { serviceAccountRef: { name: 'writer' } } } };
const byKeys: Destination = { aws: { auth: { secretRef: { name: 'keys' } } } };
const asOperator: Destination = { aws: { roleArn } };

describe('the targets of a process', () => {
  let stores: Stores;
  let now: number;
  let asked: string[];
  const kubernetes = {
    async requestToken({ namespace, serviceAccount }: { namespace: string; serviceAccount: string }) {
      asked.push(`${namespace}/${serviceAccount}`);
      return { token: 'x', expiresAt: now + hour };
    },
    getSecret: async () => null,
  };

  beforeEach(async () => {
    now = 0;
    asked = [];
    stores = await composeStores(settings, { logger, kubernetes, now: () => now });
  });

  afterEach(() => stores.close());

  test('are shared by namespaces, unless a destination names an identity', async () => {
    const shared = [await stores.target(asOperator, 'team-a'), await stores.target(asOperator, 'team-b')];
    const own = [
      await stores.target(asWriter, 'team-a'),
      await stores.target(asWriter, 'team-b'),
      await stores.target(byKeys, 'team-a'),
      await stores.target(byKeys, 'team-b'),
    ];

    const again = await stores.target(asWriter, 'team-a');

    expect(new Set(shared).size).toBe(1);
    expect(new Set([...shared, ...own]).size).toBe(5);
    expect(again).toBe(own[0]);
    expect(own.map(({ scope }) => scope)).toEqual([
      'aws:eu-west-1:123456789012',
      'aws:eu-west-1:123456789012',
      'aws:eu-west-1:team-a.keys',
      'aws:eu-west-1:team-b.keys',
    ]);
  });

  test('lead to a place that was written before as whoever wrote it, in the namespace of the sync', async () => {
    const place = { destination: 'aws:eu-west-1:123456789012', roleArn, auth: asWriter.aws!.auth! };
    const region = { aws: { ...asWriter.aws, region: 'eu-west-1' } };
    const written = await stores.target(region, 'team-a');

    const [found, elsewhere] = [await stores.targetAt(place, 'team-a'), await stores.targetAt(place, 'team-b')];

    expect(found).toBe(written);
    expect(elsewhere).not.toBe(written);
    expect(elsewhere?.scope).toBe(place.destination);
  });

  test('are closed when nobody has asked for their identity for an hour, and opened again', async () => {
    const [own, shared] = [await stores.target(asWriter, 'team-a'), await stores.target(asOperator, 'team-a')];
    const closed: Target[] = [];
    for (const target of [own, shared]) {
      const { close } = target;
      target.close = async () => {
        closed.push(target);
        await close?.();
      };
    }
    now = 0.9 * hour;
    const used = await stores.target(asWriter, 'team-a');
    now = 1.5 * hour;
    await stores.target(byKeys, 'team-b');
    const before = [...closed];
    now = 2 * hour;

    await stores.target(byKeys, 'team-b');

    expect(used).toBe(own);
    expect([before, closed]).toEqual([[], [own]]);
    expect(await stores.target(asWriter, 'team-a')).not.toBe(own);
    expect(await stores.target(asOperator, 'team-a')).toBe(shared);
  });

  test('stay open while something is due that a close would forget', async () => {
    const own = await stores.target(asWriter, 'team-a');
    let isDue = true;
    own.hasDue = () => isDue;
    now = 2 * hour;
    await stores.target(byKeys, 'team-b');
    const kept = await stores.target(asWriter, 'team-a');
    isDue = false;
    now = 4 * hour;
    await stores.target(byKeys, 'team-b');

    expect(kept).toBe(own);
    expect(await stores.target(asWriter, 'team-a')).not.toBe(own);
  });

  test('need Kubernetes for an identity of a namespace, and nobody else takes its place', async () => {
    const files = await composeStores(settings, { logger, kubernetes: null });

    const refusal = files.target(asWriter, 'team-a');

    await expect(refusal).rejects.toMatchObject({ remedy: 'FixSpec', reason: 'IdentityNeedsKubernetes' });
    await expect(files.target(asOperator, 'team-a')).resolves.toBeDefined();
    await files.close();
    expect(asked).toEqual([]);
  });
});
