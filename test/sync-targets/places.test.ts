import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseManifest } from '../../src/crd/manifest.ts';
import { apiVersion, type Destination, kind } from '../../src/crd/vault-secret-sync.ts';
import { aws } from '../../src/sync-targets/aws/index.ts';
import { azure } from '../../src/sync-targets/azure/index.ts';
import type { KeptPlace, TargetKind } from '../../src/sync-targets/contract.ts';
import { gcp } from '../../src/sync-targets/gcp/index.ts';
import { mayBeSame } from '../../src/sync-targets/gcp/place.ts';
import { createContext, createManualClock } from './conformance/under-test.ts';
import { errorOf } from './conformance/world.ts';

const seed = 20_261_121;

function open<Settings>(target: TargetKind<Settings>, settings: Settings, destination: Destination) {
  return target.open(destination, createContext({ settings, clock: createManualClock(0), errors: [] }));
}

const azureSettings = {
  dnsSuffix: 'vault.azure.net',
  authorityHost: 'https://login.example',
  allowedHosts: ['localhost:8443'],
};

/** Each kind of place, found again after it was left under other settings. */
const kinds: Readonly<Record<string, (place: KeptPlace) => { found: Destination | null; scope: string | undefined }>> =
  {
    aws: (place) => {
      const found = aws.destinationAt(place);
      return { found, scope: found ? open(aws, { region: 'us-west-2' }, found).scope : undefined };
    },
    azure: (place) => {
      const found = azure.destinationAt(place);
      return { found, scope: found ? open(azure, azureSettings, found).scope : undefined };
    },
    gcp: (place) => {
      const found = gcp.destinationAt(place);
      return { found, scope: found ? open(gcp, { insecure: false, project: 'other' }, found).scope : undefined };
    },
  };

const account = fc.stringMatching(/^[0-9]{12}$/);
const region = fc.constantFrom('eu-west-1', 'us-gov-west-1', 'cn-north-1', 'ap-southeast-2');
const places: Readonly<Record<string, fc.Arbitrary<KeptPlace>>> = {
  aws: fc.oneof(
    region.map((name) => ({ scope: `aws:${name}:` })),
    fc.tuple(region, account).map(([name, id]) => ({
      scope: `aws:${name}:${id}`,
      roleArn: `arn:aws:iam::${id}:role/team/writer`,
    })),
    fc.tuple(region, account).map(([name, id]) => ({
      scope: `aws:${name}:${id}`,
      roleArn: `arn:aws:iam::${id}:role/team/writer`,
      externalId: 'team-a',
    })),
  ),
  azure: fc.oneof(
    fc.constant({ scope: 'azure:localhost:8443' }),
    fc.stringMatching(/^[a-z][a-z0-9]{2,22}$/).map((name) => ({ scope: `azure:${name}.vault.azure.net` })),
  ),
  gcp: fc
    .tuple(
      fc.constantFrom('team-payments', '424242424242', 'example.com:team-payments'),
      fc.constantFrom('', '@europe-west3', '@northamerica-northeast1'),
    )
    .map(([project, location]) => ({ scope: `gcp:${project}${location}` })),
};

describe.each(['aws', 'azure', 'gcp'])('a place in %s that was written before', (store) => {
  const find = kinds[store]!;

  test('is found again by its scope, through a destination that a manifest could have', () => {
    fc.assert(
      fc.property(places[store]!, (place) => {
        const { found, scope } = find(place);

        expect(scope).toBe(place.scope);
        const spec = { source: { path: 'secret/db' }, dest: [found] };
        expect(parseManifest({ apiVersion, kind, metadata: { name: 'db' }, spec })).not.toHaveProperty('problems');
      }),
      { seed },
    );
  });

  test('is not found by the scope of another store, or by none', () => {
    const others = Object.entries(places).filter(([other]) => other !== store);

    const sample = others.flatMap(([, place]) => fc.sample(place, { numRuns: 5, seed }));

    for (const place of [...sample, { scope: '' }, { scope: store }, { scope: `${store}:` }, { scope: `${store}:/` }]) {
      expect(find(place).found).toBeNull();
    }
  });
});

describe('a place in AWS', () => {
  const roleArn = 'arn:aws:iam::123456789012:role/writer';

  test.each<[string, KeptPlace]>([
    ['without the role that led there', { scope: 'aws:eu-west-1:123456789012' }],
    ['by a role of another account', { scope: 'aws:eu-west-1:210987654321', roleArn }],
    ['by a role where the operator wrote as itself', { scope: 'aws:eu-west-1:', roleArn }],
    ['by what is no role', { scope: 'aws:eu-west-1:123456789012', roleArn: '123456789012' }],
    ['without a region', { scope: 'aws::123456789012', roleArn }],
  ])('is not found %s', (_how, place) => {
    expect(aws.destinationAt(place)).toBeNull();
  });

  test('is found by its role with the external id that was told then', () => {
    const place = { scope: 'aws:eu-west-1:123456789012', roleArn, externalId: 'team-a' };

    expect(aws.destinationAt(place)).toEqual({ aws: { region: 'eu-west-1', roleArn, externalId: 'team-a' } });
    expect(aws.destinationAt({ scope: 'aws:eu-west-1:', externalId: 'team-a' })).toEqual({
      aws: { region: 'eu-west-1' },
    });
  });
});

describe('a place in Azure', () => {
  test('whose host the settings do not allow any more is refused when it is opened', () => {
    const destination = azure.destinationAt({ scope: 'azure:localhost:9443' });

    const refusal = errorOf(() => open(azure, azureSettings, destination ?? {}));

    expect(destination).toEqual({ azure: { vaultUrl: 'https://localhost:9443' } });
    expect(refusal).toMatchObject({ remedy: 'FixSpec', reason: 'VaultNotAllowed' });
  });

  test.each(['azure:user@host', 'azure:host?x', 'azure:host#x', 'azure:HOST', 'azure:host:443', 'azure:host name'])(
    'is not found by %s',
    (scope) => {
      expect(azure.destinationAt({ scope })).toBeNull();
    },
  );
});

describe('a scope that may be the same place under another name', () => {
  const roleArn = 'arn:aws:iam::123456789012:role/writer';
  const placeOf = (scope: string, role?: string) => {
    const destination = aws.destinationAt({ scope, roleArn: role });
    return open(aws, {}, destination ?? {});
  };

  test('AWS: one of the two without an account, in the same region', () => {
    const ours = placeOf('aws:eu-west-1:');
    const theirs = placeOf('aws:eu-west-1:123456789012', roleArn);

    expect(ours.mayBeAt?.('aws:eu-west-1:123456789012')).toBe(true);
    expect(theirs.mayBeAt?.('aws:eu-west-1:')).toBe(true);
    expect(theirs.mayBeAt?.('aws:eu-west-1:999999999999')).toBe(false);
    expect(ours.mayBeAt?.('aws:eu-west-2:123456789012')).toBe(false);
    expect(ours.mayBeAt?.('gcp:eu-west-1:')).toBe(false);
  });

  test('AWS: the keys of a Secret, which may be of any account', () => {
    const ours = placeOf('aws:eu-west-1:');
    const theirs = placeOf('aws:eu-west-1:123456789012', roleArn);
    const secret = 'aws:eu-west-1:team-a.keys';

    expect([ours.mayBeAt?.(secret), theirs.mayBeAt?.(secret)]).toEqual([true, true]);
  });

  test('GCP: an id and a number, in the same location', () => {
    expect(mayBeSame({ project: 'team-a', location: null }, { project: '123', location: null })).toBe(true);
    expect(mayBeSame({ project: 'team-a', location: null }, { project: 'team-b', location: null })).toBe(false);
    expect(mayBeSame({ project: '123', location: null }, { project: '124', location: null })).toBe(false);
    expect(mayBeSame({ project: 'team-a', location: 'europe-west3' }, { project: '123', location: null })).toBe(false);
  });
});
