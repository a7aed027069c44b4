import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../peers/processes.ts';
import { startAzureKeyVault } from '../stand-ins/azure-key-vault/start.ts';
import { azureUnderTest } from './azure/under-test.ts';
import { unlikeOthers } from './azure/unlike-others.ts';
import { type AzureWorld, createAzureWorld, owner, seen, wish, withAzureWorld } from './azure/world.ts';
import { canary, everythingAbout } from './conformance/under-test.ts';
import { targetConformance } from './conformance.ts';

targetConformance({
  name: 'the Azure target',
  open: async () => azureUnderTest(await startAzureKeyVault()),
  ...unlikeOthers,
});

let world: AzureWorld;
let names = 0;

beforeAll(async () => {
  world = await createAzureWorld();
});

afterAll(() => world.close());

beforeEach(() => world.standIn.clearRequests());

afterEach(() => world.standIn.clearFaults());

function freshName(): string {
  names += 1;
  return `copy-${names}`;
}

describe('a change by hand', () => {
  test('that leaves the marks away is drift of a copy that stays ours', async () => {
    const desired = await world.create(freshName());
    await world.standIn.setByHand(desired.name, { value: 'by hand' });

    const observed = await world.look(desired.name);

    expect(observed).toMatchObject({ owner, ref: 'team-a/db', state: null });
    expect(world.target.compare(desired, observed, null)).toEqual(['value', 'tags', 'contentType']);
  });

  test('that copies the marks is seen by the version that the ledger remembers', async () => {
    const desired = wish(freshName());
    const written = await world.target.write(desired, { kind: 'absent' }, world.signal);
    const tags = (await world.standIn.secret(desired.name))?.tags ?? {};
    await world.standIn.setByHand(desired.name, { value: 'by hand', tags: { ...tags, by: 'hand' } });

    const observed = await world.look(desired.name);

    expect(world.target.compare(desired, observed, written)).toContain('value');
  });

  test('is told apart from our own versions although times are whole seconds', async () => {
    const name = freshName();
    for (const version of [1, 2, 3, 4]) await world.target.write(wish(name, version), { kind: 'absent' }, world.signal);

    const observed = await world.look(name);

    expect(observed.state).toBe(wish(name, 4).marks.state);
    expect(world.target.compare(wish(name, 4), observed, null)).toEqual([]);
    expect(world.target.compare(wish(name, 3), observed, null)).toContain('value');
  });
});

describe('the secret of a certificate', () => {
  test('is neither written nor deleted', async () => {
    const name = freshName();
    await world.standIn.setManaged(name, 'pkcs12');
    const observed = await world.look(name);
    await world.standIn.clearRequests();

    const conflict = { remedy: 'Conflict', reason: 'Managed' };
    await expect(world.target.write(wish(name), seen(observed), world.signal)).rejects.toMatchObject(conflict);
    await expect(world.target.remove(observed, world.signal)).rejects.toMatchObject(conflict);

    expect(observed.managedBy).toBe('a certificate in the vault');
    expect(await world.operations()).toEqual([]);
  });

  test('is a conflict too when it appeared meanwhile', async () => {
    const name = freshName();
    await world.standIn.setManaged(name, 'pkcs12');

    const writing = world.target.write(wish(name), { kind: 'absent' }, world.signal);

    await expect(writing).rejects.toMatchObject({ remedy: 'Conflict', reason: 'Managed' });
  });
});

describe('what the vault refuses', () => {
  test.each([
    ['policy', 'PermissionDenied', 'the permission set for secrets'],
    ['rbac', 'PermissionDenied', 'Microsoft.KeyVault/vaults/secrets/setSecret/action'],
    ['firewall', 'BlockedByNetworkRules', "the vault's firewall"],
    ['connection', 'BlockedByNetworkRules', 'a private endpoint of the vault'],
    ['governance', 'DeniedByPolicy', 'contentType'],
  ] as const)('by %s is retried slowly and says what is missing', async (kind, reason, advice) => {
    await world.standIn.fault({ kind, operation: 'SetSecret' });

    const writing = world.target.write(wish(freshName()), { kind: 'absent' }, world.signal);

    const message = expect.stringContaining(advice);
    await expect(writing).rejects.toMatchObject({ remedy: 'SlowRetry', reason, message });
  });

  test('for too many requests is retried when the vault says so', async () => {
    await world.standIn.fault({ kind: 'throttle', retryAfterSeconds: 7 });

    const writing = world.target.write(wish(freshName()), { kind: 'absent' }, world.signal);

    await expect(writing).rejects.toMatchObject({ remedy: 'RateLimited', retryAfterMs: 7_000 });
  });

  test('for its form is for the manifest to correct, and the value stays out of the error', async () => {
    const invalid = { ...wish('under_score'), value: `${canary} ${'x'.repeat(30_000)}` };

    const error = await world.target
      .write(invalid, { kind: 'absent' }, world.signal)
      .catch((caught: unknown) => caught);

    expect(error).toMatchObject({ remedy: 'FixSpec', reason: 'Refused', code: 'BadParameter' });
    expect(everythingAbout(error)).not.toContain(canary);
  });
});

test('a list ends when its signal aborts, on later pages too', async () => {
  await withAzureWorld({}, async (own) => {
    await own.target.write(wish('a-first'), { kind: 'absent' }, world.signal);
    for (let index = 0; index < 25; index += 1) await own.standIn.setByHand(`other-${index}`, { value: 'x' });
    const giveUp = new AbortController();
    const ours = own.target.list?.(owner, giveUp.signal)[Symbol.asyncIterator]();
    const first = await ours?.next();
    await own.standIn.fault({ kind: 'hang', operation: 'GetSecrets' });

    const rest = expect(ours?.next()).rejects.toMatchObject({ remedy: 'Retry', reason: 'NoAnswer' });
    await eventually(async () => (await own.standIn.hanging()) === 1, { what: 'the next page to be asked for' });
    giveUp.abort();

    expect(first).toMatchObject({ done: false, value: { name: 'a-first', versionId: null } });
    await rest;
  });
});
