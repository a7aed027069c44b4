import { describe, expect, test } from '@jest/globals';
import type { Destination } from '../../src/crd/vault-secret-sync.ts';
import { renderCopy } from '../../src/sync/render.ts';
import { resolveSync } from '../../src/sync/resolve.ts';
import { unitOf, type WantedCopy } from '../../src/sync/unit.ts';
import type { JsonObject } from '../../src/vault/json.ts';
import { FakeStore } from './fake-store.ts';
import { mainVault } from './fake-world.ts';
import { someSync } from './some-sync.ts';

interface Wishes {
  readonly data?: JsonObject;
  readonly metadata?: Readonly<Record<string, string>>;
  /** The copy's name in the store, however it came by it. */
  readonly name?: string;
  /** The key that the copy is made of; null for the whole secret. */
  readonly key?: string | null;
  readonly destination?: Destination;
  readonly version?: number;
}

function render(wishes: Wishes = {}) {
  const { data = { user: 'ada' }, metadata = {}, name = 'app/db', key = null, version = 1 } = wishes;
  const sync = someSync({ dest: [wishes.destination ?? { aws: {} }] });
  const resolved = resolveSync(sync, { vaults: [mainVault], installation: 'test' });
  const unit = unitOf(resolved, { namespace: '', mount: 'secret', name: 'app/db' })!;
  const target = new FakeStore('aws:eu-west-1:');
  const [into] = resolved.destinations;
  const wanted: WantedCopy = { id: `${target.scope}/${name}`, target, into: into!, name, source: unit.source, key };
  return renderCopy({
    key: Buffer.from('0123456789abcdef'),
    unit,
    wanted,
    content: { chosen: data, keys: Object.keys(data), originOf: (key) => key, mountUuid: 'uuid-1', metadata, version },
  });
}

describe('renderCopy', () => {
  test('the fingerprint changes with everything that shows in the copy', () => {
    const prints = [
      render(),
      render({ data: { user: 'eve' } }),
      render({ name: 'app/other' }),
      render({ destination: { aws: { tags: { a: '1' } } } }),
      render({ destination: { aws: { tags: { a: '2' } } } }),
      render({ destination: { aws: { encryptionKey: 'alias/a' } } }),
      render({ destination: { azure: { vaultName: 'team-a', tags: { a: '1' } } } }),
      render({ destination: { gcp: { labels: { a: '1' } } } }),
      render({ destination: { aws: { granularity: 'key' } }, key: 'user' }),
      render({ destination: { aws: { format: 'dotenv' } } }),
      render({ destination: { aws: { tags: { a: '{{ .metadata.team }}' } } }, metadata: { team: 'a' } }),
      render({ destination: { aws: { tags: { a: '{{ .metadata.team }}' } } }, metadata: { team: 'b' } }),
    ].map(({ fingerprint }) => fingerprint);

    expect(new Set(prints).size).toBe(prints.length);
  });

  test('the fingerprint stays for what does not show: version, order, where the copy is and who writes it', () => {
    const tags = { a: '1', b: '2' };
    const plain = render({ destination: { aws: { tags } } });

    const same = [
      render({ version: 9, destination: { aws: { tags } } }),
      render({ destination: { aws: { tags: { b: '2', a: '1' } } } }),
      render({
        destination: { aws: { name: 'x', region: 'eu-west-1', roleArn: 'arn:aws:iam::123456789012:role/a', tags } },
      }),
      render({ destination: { aws: { auth: { secretRef: { name: 'keys' } }, tags } } }),
    ];

    expect(same.map(({ fingerprint }) => fingerprint)).toEqual(same.map(() => plain.fingerprint));
  });

  test('the fingerprint of the settings stays while only the value changes', () => {
    const [one, other] = [render(), render({ data: { user: 'eve' } })];
    const tagged = render({ destination: { aws: { tags: { a: '1' } } } });

    expect(one.settingsFingerprint).toBe(other.settingsFingerprint);
    expect(one.settingsFingerprint).not.toBe(tagged.settingsFingerprint);
  });

  test('the state mark holds the version and the fingerprint of the value, and the version id what it replaces', () => {
    const { desired, valueFingerprint } = render({ version: 3 });

    expect(desired.marks.state).toMatch(new RegExp(`^3\\.[0-9a-f]{16}\\.${valueFingerprint}$`));
    expect(desired.versionIdAfter('one')).not.toBe(desired.versionIdAfter(null));
  });

  test('a copy of one key has its value as it is, and lost keys are looked for again', () => {
    const destination = { aws: { granularity: 'key' } } as const;

    expect(render({ destination, key: 'user' }).desired.value).toBe('ada');
    expect(render({ destination, key: 'user', data: { user: { first: 'ada' } } }).desired.value).toBe(
      '{"first":"ada"}',
    );
    expect(() => render({ destination, key: 'constructor' })).toThrow('the secret has no key "constructor" any more');
  });

  test('no mark, fingerprint or version id holds the value', () => {
    const { desired, ...prints } = render({ data: { user: 'hunter2' } });
    const { value, ...rest } = desired;

    expect(value).toContain('hunter2');
    expect(JSON.stringify([rest, prints, desired.versionIdAfter(null)])).not.toContain('hunter2');
  });
});
