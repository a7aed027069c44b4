import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { KubernetesClient, ObjectRef } from '../../src/kubernetes/contract.ts';
import { eventually } from '../peers/processes.ts';
import { type KubernetesPeer, startKubernetes } from '../peers/start-kubernetes.ts';
import { applyWidgets, connectThroughGate, createHands, type GatedClient, widgets } from './widgets.ts';

const namespace = 'default';

let kubernetes: KubernetesPeer;
let hands: ReturnType<typeof createHands>;
let admin: GatedClient;
let client: KubernetesClient;
const opened: GatedClient[] = [];

beforeAll(async () => {
  kubernetes = await startKubernetes();
  await applyWidgets(kubernetes);
  await kubernetes.kubectl(['create', 'serviceaccount', 'limited']);
  hands = createHands(kubernetes);
  admin = await connectThroughGate(kubernetes);
  ({ client } = admin);
}, 600_000);

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

afterAll(async () => {
  await admin?.close();
  await hands?.close();
  await kubernetes?.stop();
});

async function createWidget(): Promise<Required<ObjectRef> & { resourceVersion: string }> {
  const name = `widget-${randomBytes(4).toString('hex')}`;
  const { metadata } = await hands.create(namespace, name);
  return { resource: widgets, namespace, name, uid: metadata.uid, resourceVersion: metadata.resourceVersion };
}

async function connectLimited(): Promise<KubernetesClient> {
  const kubeconfig = await kubernetes.serviceAccountKubeconfig({ namespace, serviceAccount: 'limited' });
  const gated = await connectThroughGate(kubernetes, { kubeconfig });
  opened.push(gated);
  return gated.client;
}

describe('a status patch', () => {
  test('replaces the whole status and leaves the rest alone', async () => {
    const ref = await createWidget();

    await client.patchStatus(ref, { copies: '0/1', failures: 1 });
    const patched = await client.patchStatus(ref, { copies: '1/1' });

    const { metadata, ...widget } = await hands.get(namespace, ref.name);
    expect(widget).toMatchObject({ spec: { colour: 'red' } });
    expect(widget.status).toEqual({ copies: '1/1' });
    expect(metadata.generation).toBe(1);
    expect(patched).toEqual({ outcome: 'patched', resourceVersion: metadata.resourceVersion });
  });

  test('on a version that is no longer the newest is a conflict', async () => {
    const ref = await createWidget();
    await hands.paint(namespace, ref.name, 'blue');

    const patched = await client.patchStatus(ref, { copies: '1/1' }, ref.resourceVersion);

    expect(patched).toEqual({ outcome: 'conflict' });
    expect((await hands.get(namespace, ref.name)).status).toBeUndefined();
  });

  test('finds what was deleted gone, and another life under the same name too', async () => {
    const ref = await createWidget();
    await hands.remove(namespace, ref.name);

    const afterDeletion = await client.patchStatus(ref, { copies: '1/1' });
    await hands.create(namespace, ref.name);
    const afterCreation = await client.patchStatus(ref, { copies: '1/1' });

    expect([afterDeletion, afterCreation]).toEqual([{ outcome: 'gone' }, { outcome: 'gone' }]);
    expect((await hands.get(namespace, ref.name)).status).toBeUndefined();
  });

  test('that the schema refuses names the field', async () => {
    const ref = await createWidget();

    await expect(client.patchStatus(ref, { copies: 7 })).rejects.toMatchObject({
      remedy: 'SlowRetry',
      reason: 'Invalid',
      message: expect.stringContaining('because of status.copies'),
    });
  });
});

describe('a metadata patch', () => {
  test('sets and clears finalizers and annotations, and keeps what it does not name', async () => {
    const ref = await createWidget();
    const change = { finalizers: ['test.example.com/copies'], annotations: { a: '1', b: '2' } };

    const set = await client.patchMetadata(ref, change, ref.resourceVersion);
    const version = set.outcome === 'patched' ? set.resourceVersion : '';
    const cleared = await client.patchMetadata(ref, { finalizers: [], annotations: { a: null } }, version);

    const { metadata, spec } = await hands.get(namespace, ref.name);
    expect([set.outcome, cleared.outcome]).toEqual(['patched', 'patched']);
    expect(metadata.finalizers).toBeUndefined();
    expect(metadata.annotations).toEqual({ b: '2' });
    expect(spec).toEqual({ colour: 'red' });
  });

  test('on a version that is no longer the newest changes nothing', async () => {
    const ref = await createWidget();
    await hands.paint(namespace, ref.name, 'blue');

    const patched = await client.patchMetadata(ref, { finalizers: ['test.example.com/copies'] }, ref.resourceVersion);

    expect(patched).toEqual({ outcome: 'conflict' });
  });

  test('that takes the last finalizer of a deleted object lets it go', async () => {
    const ref = await createWidget();
    await client.patchMetadata(ref, { finalizers: ['test.example.com/copies'] }, ref.resourceVersion);
    await hands.remove(namespace, ref.name);
    const { metadata } = await hands.get(namespace, ref.name);

    await client.patchMetadata(ref, { finalizers: [] }, metadata.resourceVersion);

    expect(metadata.deletionTimestamp).toBeDefined();
    expect(await client.patchMetadata(ref, {}, metadata.resourceVersion)).toEqual({ outcome: 'gone' });
  });
});

test('an Event is written once, however often it is recorded, and again for another object', async () => {
  const [one, other] = [await createWidget(), await createWidget()];
  const event = {
    type: 'Warning',
    reason: 'Stalled',
    action: 'Sync',
    message: `${'€'.repeat(400)} no policy`,
  } as const;

  for (const regarding of [one, one, one, other]) {
    await client.recordEvent({ ...event, regarding: { ...regarding, kind: 'Widget' } });
  }

  const { stdout } = await kubernetes.kubectl(['get', 'events.events.k8s.io', '-o', 'json']);
  const { items } = JSON.parse(stdout) as { items: { regarding: { name: string }; note: string }[] };
  expect(items.filter(({ regarding }) => regarding.name === one.name)).toHaveLength(1);
  expect(items.filter(({ regarding }) => regarding.name === other.name)).toHaveLength(1);
  expect(items[0]).toMatchObject({
    type: 'Warning',
    reason: 'Stalled',
    reportingController: 'test.example.com/operator',
  });
  expect(items[0]?.note).toBe('€'.repeat(341));
});

test('an Event that may not be written is no error', async () => {
  const regarding = { ...(await createWidget()), kind: 'Widget' };
  const limited = await connectLimited();

  const recorded = limited.recordEvent({
    regarding,
    type: 'Normal',
    reason: 'Synced',
    action: 'Sync',
    message: 'well',
  });

  await expect(recorded).resolves.toBeUndefined();
});

test('the uid of kube-system is that of the cluster', async () => {
  const { stdout } = await kubernetes.kubectl(['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}']);

  expect(await client.kubeSystemUid()).toBe(stdout);
});

describe('a Secret', () => {
  const makeRandom = () => randomBytes(32);

  test('is made once by whoever is first, and read by all others', async () => {
    const secret = { namespace, name: 'fingerprint-key', key: 'key', make: makeRandom };

    const values = await Promise.all([1, 2, 3, 4, 5].map(() => client.getOrCreateSecret(secret)));
    const later = await client.getOrCreateSecret(secret);

    expect(new Set([...values, later].map((value) => value.toString('hex'))).size).toBe(1);
    expect(later).toHaveLength(32);
    expect(await client.getSecretKey(secret)).toEqual(later);
  });

  test('that is there is never changed, not even when it lacks the key', async () => {
    await kubernetes.kubectl(['create', 'secret', 'generic', 'foreign', '--from-literal=other=1']);

    const asked = client.getOrCreateSecret({ namespace, name: 'foreign', key: 'key', make: makeRandom });

    await expect(asked).rejects.toMatchObject({ reason: 'SecretKeyMissing', remedy: 'SlowRetry' });
    expect(await client.getSecretKey({ namespace, name: 'foreign', key: 'key' })).toBeNull();
  });

  test('that is not there has no value', async () => {
    expect(await client.getSecretKey({ namespace, name: 'absent', key: 'key' })).toBeNull();
  });
});

describe('a requested token', () => {
  test('is one of the ServiceAccount, for the audience asked for', async () => {
    const audiences = ['https://vault.example.com'];

    const issued = await client.requestToken({
      namespace,
      serviceAccount: 'limited',
      audiences,
      expirationSeconds: 600,
    });

    const review = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: issued.token, audiences },
    };
    const { body } = await kubernetes.api('POST', '/apis/authentication.k8s.io/v1/tokenreviews', review);
    expect(body).toMatchObject({
      status: { authenticated: true, audiences, user: { username: 'system:serviceaccount:default:limited' } },
    });
    expect(issued.expiresAt - Date.now()).toBeGreaterThan(500_000);
    expect(issued.expiresAt - Date.now()).toBeLessThan(700_000);
  });

  test('of a ServiceAccount that does not exist is refused with what to do', async () => {
    const asked = client.requestToken({ namespace, serviceAccount: 'nobody', audiences: [], expirationSeconds: 600 });

    await expect(asked).rejects.toMatchObject({
      reason: 'NotFound',
      message: 'cannot create serviceaccounts (token) default/nobody: it does not exist; create it',
    });
  });
});

describe('a ServiceAccount without rights is told which rule it lacks', () => {
  test.each<[string, (limited: KubernetesClient) => Promise<unknown>, string]>([
    [
      'to patch a status',
      (limited) => limited.patchStatus({ resource: widgets, namespace, name: 'any' }, {}),
      '{apiGroups: ["test.example.com"], resources: ["widgets/status"], verbs: ["patch"]}',
    ],
    [
      'to read a Secret',
      (limited) => limited.getSecretKey({ namespace, name: 'any', key: 'any' }),
      '{apiGroups: [""], resources: ["secrets"], verbs: ["get"]}',
    ],
    [
      'to request a token',
      (limited) =>
        limited.requestToken({ namespace, serviceAccount: 'limited', audiences: [], expirationSeconds: 600 }),
      '{apiGroups: [""], resources: ["serviceaccounts/token"], verbs: ["create"]}',
    ],
    [
      'to read the namespace kube-system',
      (limited) => limited.kubeSystemUid(),
      'a ClusterRole {apiGroups: [""], resources: ["namespaces"], verbs: ["get"]}',
    ],
  ])('%s', async (_what, call, rule) => {
    const limited = await connectLimited();

    await expect(call(limited)).rejects.toMatchObject({
      remedy: 'SlowRetry',
      reason: 'Forbidden',
      code: '403',
      message: expect.stringContaining(rule),
    });
  });

  test('to follow a resource, and follows it once it may', async () => {
    const limited = await connectLimited();
    const ignore = () => undefined;
    const reflector = limited.reflect({
      resource: widgets,
      namespaces: [namespace],
      onChange: ignore,
      onDelete: ignore,
    });
    await eventually(() => reflector.problem(), { what: 'a problem' });
    const problem = reflector.problem();

    await kubernetes.kubectl([
      'create',
      'role',
      'follower',
      '--verb=list,watch',
      '--resource=widgets.test.example.com',
    ]);
    await kubernetes.kubectl([
      'create',
      'rolebinding',
      'follower',
      '--role=follower',
      '--serviceaccount=default:limited',
    ]);

    expect(problem).toContain(
      'add to a Role in namespace default (or a ClusterRole) {apiGroups: ["test.example.com"], resources: ["widgets"], verbs: ["list"]}',
    );
    expect(await reflector.synced).toBe(true);
    await eventually(() => reflector.problem() === null, { what: 'no problem' });
  });
});
