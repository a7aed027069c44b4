import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { type Desired, markNames, type Observed, PremiseChanged } from '../../../src/sync-targets/contract.ts';
import { type GcpSettings, gcp } from '../../../src/sync-targets/gcp/index.ts';
import { findFreePort } from '../../peers/processes.ts';
import { canary, createContext, createManualClock } from '../conformance/under-test.ts';
import { project, resourceName } from './under-test.ts';
import { owner, signal, useGcp, type World } from './world.ts';

const { gcpStore, open } = useGcp();

/** Sets the variable by which Google's SDK finds its credentials. */
async function withCredentialsIn(file: string, act: () => Promise<void>): Promise<void> {
  const before = process.env['GOOGLE_APPLICATION_CREDENTIALS'];
  process.env['GOOGLE_APPLICATION_CREDENTIALS'] = file;
  try {
    await act();
  } finally {
    if (before === undefined) delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
    else process.env['GOOGLE_APPLICATION_CREDENTIALS'] = before;
  }
}

describe('the requests it makes', () => {
  test('a creation is CreateSecret with all marks, then AddSecretVersion', async () => {
    const { store, somebody } = gcpStore();
    const { create, operations } = open();
    await store.forgetRequests();

    const { desired, written } = await create();

    expect(await operations()).toEqual(['CreateSecret', 'AddSecretVersion']);
    expect(written.versionId).toBe('1');
    const [version] = await somebody.getSecretVersion({ name: `${resourceName(desired.name)}/versions/1` });
    expect(version.clientSpecifiedPayloadChecksum).toBe(true);
    const { ref, state } = desired.marks;
    expect(await store.tagsOf(desired.name)).toEqual({
      [markNames.owner]: owner,
      [markNames.ref]: ref,
      [markNames.state]: state,
    });
  });

  test('a look never reads a value', async () => {
    const { store } = gcpStore();
    const { create, look, operations } = open();
    const { desired } = await create();
    await store.forgetRequests();

    await look(desired.name);

    expect(await operations()).toEqual(['GetSecret', 'GetSecretVersion']);
  });

  test('a changed label is one UpdateSecret when the value is known to be the same', async () => {
    const { store, destination } = gcpStore();
    const { target, create, look, operations } = open();
    const { desired, written } = await create({ destination: destination({ team: 'a' }) });
    const next = { ...desired, destination: destination({ team: 'b' }) };
    const observed = await look(desired.name);
    const differences = target.compare(next, observed, written);
    await store.forgetRequests();

    const writtenNext = await target.write(next, { kind: 'observed', observed, differences }, signal);

    expect(differences).toEqual(['tags']);
    expect(await operations()).toEqual(['UpdateSecret']);
    expect(writtenNext.versionId).toBe(written.versionId);
    expect(await store.tagsOf(next.name)).toMatchObject({ team: 'b' });
  });

  test('a listing follows the pages of Google to the end', async () => {
    const { store, somebody } = gcpStore();
    const { target, operations } = open();
    const listed = 'feed0000'.repeat(4);
    const secret = { replication: { automatic: {} }, labels: { [markNames.owner]: listed } };
    const ids = Array.from({ length: 501 }, (_, index) => `listed-${index}`);
    await Promise.all(
      ids.map((secretId) => somebody.createSecret({ parent: `projects/${project.number}`, secretId, secret })),
    );
    await store.forgetRequests();

    const found = [];
    for await (const observed of target.list?.(listed, signal) ?? []) found.push(observed.name);

    expect(found.toSorted()).toEqual(ids.toSorted());
    expect(await operations()).toEqual(['ListSecrets', 'ListSecrets']);
  });

  test('nothing that is sent is printed, even when the environment asks the SDK for its log', async () => {
    const { store, standIn } = gcpStore();
    const program = fileURLToPath(new URL('write-once.ts', import.meta.url));
    const { endpoint } = standIn;
    const env = { ...process.env, GOOGLE_SDK_NODE_LOGGING: 'all', GRPC_VERBOSITY: 'DEBUG' };

    const child = spawn(process.execPath, [program, endpoint, project.id, 'printed'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [printed] = await Promise.all([Promise.all([text(child.stdout), text(child.stderr)]), once(child, 'close')]);

    expect(child.exitCode).toBe(0);
    expect(await store.valueOf('printed')).toBe(canary);
    for (const form of [canary, Buffer.from(canary).toString('base64'), [...Buffer.from(canary)].join(',')]) {
      expect(printed.join('')).not.toContain(form);
    }
  });
});

describe('the checksum of a value', () => {
  test('that did not arrive makes the write fail, since nobody has compared the value', async () => {
    const { standIn } = gcpStore();
    const { target, wish } = open();
    await standIn.fault({ kind: 'lose-checksum', method: 'AddSecretVersion', count: 1 });

    const writing = target.write(wish(), { kind: 'absent' }, signal);

    await expect(writing).rejects.toMatchObject({ remedy: 'SlowRetry', reason: 'ChecksumIgnored' });
  });
});

describe('half a creation', () => {
  test('leaves a secret of ours without a version, which the next run completes with one request', async () => {
    const { store, standIn } = gcpStore();
    const { target, wish, look, operations } = open();
    const desired = wish();
    await standIn.fault({ kind: 'unavailable', method: 'AddSecretVersion', count: 1 });
    await expect(target.write(desired, { kind: 'absent' }, signal)).rejects.toMatchObject({ remedy: 'Retry' });

    const observed = await look(desired.name);
    const differences = target.compare(desired, observed, null);
    await store.forgetRequests();
    const written = await target.write(desired, { kind: 'observed', observed, differences }, signal);

    expect(observed).toMatchObject({ owner, versionId: null, state: desired.marks.state });
    expect(differences).toEqual(['value']);
    expect(await operations()).toEqual(['AddSecretVersion']);
    expect(target.compare(desired, await look(desired.name), written)).toEqual([]);
  });
});

describe('a secret that changed since it was observed', () => {
  async function observeThenChange({ create, look }: World): Promise<{ desired: Desired; observed: Observed }> {
    const { somebody } = gcpStore();
    const { desired } = await create();
    const observed = await look(desired.name);
    const change = { name: resourceName(desired.name), labels: { [markNames.owner]: 'another' } };
    await somebody.updateSecret({ secret: change, updateMask: { paths: ['labels'] } });
    return { desired, observed };
  }

  test('gets neither labels nor a value', async () => {
    const { store, destination } = gcpStore();
    const world = open();
    const { desired, observed } = await observeThenChange(world);
    const next = { ...desired, destination: destination({ team: 'a' }) };
    await store.forgetRequests();

    const writing = world.target.write(next, { kind: 'observed', observed }, signal);

    await expect(writing).rejects.toBeInstanceOf(PremiseChanged);
    expect(await world.operations()).toEqual(['UpdateSecret']);
  });

  test('is not deleted', async () => {
    const { store } = gcpStore();
    const world = open();
    const { desired, observed } = await observeThenChange(world);

    await expect(world.target.remove(observed, signal)).rejects.toBeInstanceOf(PremiseChanged);

    expect(await store.valueOf(desired.name)).toBe(desired.value);
  });

  test('is not written from a listing, which tells no version', async () => {
    const { target, create } = open();
    const { desired } = await create({ owner: 'abad1dea'.repeat(4) });
    const listing = target.list?.(desired.marks.owner, signal) ?? [];

    for await (const observed of listing) {
      const writing = target.write(desired, { kind: 'observed', observed }, signal);
      await expect(writing).rejects.toBeInstanceOf(PremiseChanged);
    }

    expect.assertions(1);
  });
});

describe('a store that cannot be asked', () => {
  test('an unknown project is a permission to be granted, not an absent copy', async () => {
    const { target } = open({}, { project: 'no-such-project' });

    const looking = target.describe('any', signal);

    await expect(looking).rejects.toMatchObject({
      remedy: 'SlowRetry',
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('grant secretmanager.secrets.get'),
    });
  });

  test('an endpoint where nobody listens is tried again', async () => {
    const { target } = open({ endpoint: `127.0.0.1:${await findFreePort()}` });

    const looking = target.describe('any', signal);

    await expect(looking).rejects.toMatchObject({
      remedy: 'Retry',
      code: 'UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('a call without an answer ends after its own time limit', async () => {
    const { standIn } = gcpStore();
    const { target } = open({ callTimeoutMs: 200 });
    await standIn.fault({ kind: 'hang' });

    const looking = target.describe('any', signal);

    await expect(looking).rejects.toMatchObject({ remedy: 'Retry', code: 'DEADLINE_EXCEEDED' });
  });

  test('a call that hangs is cancelled when its signal aborts, long before its time limit', async () => {
    const { standIn } = gcpStore();
    const { target } = open({ callTimeoutMs: 3_600_000 });
    await standIn.fault({ kind: 'hang' });
    const giveUp = new AbortController();

    const looking = target.describe('any', giveUp.signal);
    giveUp.abort();

    await expect(looking).rejects.toMatchObject({ remedy: 'Retry', code: 'CANCELLED' });
  });

  test('missing credentials are a slow retry that says what to give, and are looked for anew', async () => {
    const { standIn } = gcpStore();
    const { target } = open({ insecure: false, endpoint: standIn.tlsEndpoint, caFile: standIn.caFile });
    const folder = await mkdtemp(join(tmpdir(), 'vss-gcp-'));
    const file = join(folder, 'credentials.json');
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2_048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const account = {
      type: 'service_account',
      client_email: 'operator@p.iam.gserviceaccount.com',
      private_key: privateKey,
    };

    await withCredentialsIn(file, async () => {
      const missing = target.describe('any', signal);
      await expect(missing).rejects.toMatchObject({ remedy: 'SlowRetry', reason: 'NoCredentials' });
      await writeFile(file, JSON.stringify(account));
      await standIn.admit({ keys: { [account.client_email]: publicKey } });
      expect(await target.describe('any', signal)).toBeNull();
    });

    await standIn.admit();
    await rm(folder, { recursive: true });
  });
});

describe('the project', () => {
  const contextWith = (settings: GcpSettings) => createContext({ settings, clock: createManualClock(0), errors: [] });

  test('comes from the settings when the destination names none', () => {
    const target = gcp.open({ gcp: {} }, contextWith({ insecure: false, project: 'from-settings' }));

    expect(target.scope).toBe('gcp:from-settings');
  });

  test('is one place by its id and by its number, where the settings tell the number', () => {
    const context = contextWith({ insecure: false, projectNumbers: ['team-a=1', 'example.com:team-b=23'] });
    const scopeOf = (name: string): string => gcp.open({ gcp: { project: name } }, context).scope;

    expect(scopeOf('23')).toBe('gcp:example.com:team-b');
    expect(scopeOf('example.com:team-b')).toBe(scopeOf('23'));
    expect(scopeOf('3')).toBe('gcp:3');
  });

  test('must be named somewhere', () => {
    const opening = (): unknown => gcp.open({ gcp: {} }, contextWith({ insecure: false }));

    expect(opening).toThrow(expect.objectContaining({ remedy: 'FixSpec', reason: 'ProjectMissing' }));
  });
});
