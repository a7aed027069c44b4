import { beforeEach, describe, expect, test } from '@jest/globals';
import { rehearseTarget } from '../../src/cli/rehearsal/target.ts';
import { type Desired, PremiseChanged, type Target, type TargetContext } from '../../src/sync-targets/contract.ts';
import { targetKinds } from '../../src/sync-targets/registry.ts';
import { FakeStore } from '../sync/fake-store.ts';

const context = <Settings>(settings: Settings): TargetContext<Settings> => ({
  settings,
  now: Date.now,
  schedule: () => ({ cancel: () => undefined }),
  onBackgroundError: () => undefined,
});
const [aws, azure, gcp] = [
  { aws: { region: 'eu-west-1' } },
  { azure: { vaultName: 'team-a' } },
  { gcp: { project: 'p' } },
];
const none = { dnsSuffix: 'vault.azure.net', authorityHost: 'https://login.example.com', allowedHosts: [] };
const targets: Target[] = [
  targetKinds.aws.open(aws, context({})),
  targetKinds.azure.open(azure, context(none)),
  targetKinds.gcp.open(gcp, context({ insecure: false })),
];

const { signal } = new AbortController();
const owner = 'ours';
let store: FakeStore;
let target: Target;

beforeEach(() => {
  store = new FakeStore('aws:eu-west-1:');
  const refused = new Error('a rehearsal must not write');
  store.failing.set('write', refused).set('remove', refused);
  target = rehearseTarget(store);
});

function desired(value: string): Desired {
  const marks = { owner, ref: 'team-a/db', state: `1.source.${value}` };
  return { name: 'app/db', value: `value ${value}`, marks, destination: { aws: {} }, versionIdAfter: (id) => `${id}+` };
}

function listed(): Promise<string[]> {
  return Array.fromAsync(target.list?.(owner, signal) ?? [], ({ name, versionId }) => `${name} ${versionId}`);
}

describe('a target in rehearsal', () => {
  test('shows what was written there to whoever looks next, without its value and without touching the store', async () => {
    await target.write(desired('one'), { kind: 'absent' }, signal);

    const observed = await target.describe('APP/DB', signal);

    expect(observed).toMatchObject({ name: 'app/db', existence: 'live', owner, ref: 'team-a/db', managedBy: null });
    expect(JSON.stringify(observed)).not.toContain('value one');
    expect(observed && target.compare(desired('one'), observed, null)).toEqual([]);
    expect(observed && target.compare(desired('other'), observed, null)).toEqual(['value']);
    expect(await listed()).toEqual(['app/db null+']);
    expect([store.callsOf('write'), [...store.copies]]).toEqual([[], []]);
  });

  test('shows as absent what was deleted there, and leaves it in the store', async () => {
    store.place('app/db', { owner });
    const observed = await target.describe('app/db', signal);
    const before = await listed();

    if (observed) await target.remove(observed, signal);

    expect(await target.describe('app/db', signal)).toBeNull();
    expect([before, await listed()]).toEqual([['app/db by-hand'], []]);
    expect([store.callsOf('remove'), [...store.copies.keys()]]).toEqual([[], ['app/db']]);
  });

  test('compares as the store does what it has not written', async () => {
    store.place('app/db', { owner, state: '1.source.one', tags: { team: 'b' } });

    const observed = await target.describe('app/db', signal);

    expect(observed && target.compare(desired('one'), observed, null)).toEqual(['tags']);
  });

  test('contradicts a caller who remembers a copy that is gone, going or another’s', async () => {
    const remembered = { kind: 'remembered', written: { versionId: 'v1', at: 0 } } as const;
    const gone = target.write(desired('one'), remembered, signal);
    await expect(gone).rejects.toBeInstanceOf(PremiseChanged);

    store.place('app/db', { owner, existence: 'pendingDeletion' });
    const going = target.write(desired('one'), remembered, signal);
    await expect(going).rejects.toBeInstanceOf(PremiseChanged);

    store.place('app/db', { owner: 'another', versionId: 'v1' });
    await expect(target.write(desired('one'), remembered, signal)).rejects.toBeInstanceOf(PremiseChanged);

    store.place('app/db', { owner, versionId: 'v1' });
    expect(await target.write(desired('one'), remembered, signal)).toEqual({ versionId: 'v1+', at: 0 });
  });

  test('contradicts a caller who knows a copy only from a listing without version ids', async () => {
    store.place('app/db', { owner });
    const described = await target.describe('app/db', signal);
    if (!described) throw new Error('it was placed');
    const fromListing = { ...described, versionId: null };

    const written = target.write(desired('one'), { kind: 'observed', observed: fromListing }, signal);

    await expect(written).rejects.toBeInstanceOf(PremiseChanged);
    expect(await target.write(desired('one'), { kind: 'observed', observed: described }, signal)).toMatchObject({
      versionId: 'by-hand+',
    });
  });

  test.each(targets)('knows all that the target $scope can do', (real) => {
    const rehearsed = new Set(Object.keys(rehearseTarget(real)));

    expect(Object.keys(real).filter((member) => !rehearsed.has(member))).toEqual(['close']);
  });

  test('has no listing where the store has none', () => {
    const withoutList: Target = { ...target };
    delete withoutList.list;

    expect(rehearseTarget(withoutList).list).toBeUndefined();
  });
});
