import { beforeEach, describe, expect, test } from '@jest/globals';
import { createIdentities } from '../../src/cli/compose/identities.ts';
import { SyncError } from '../../src/errors.ts';
import type { IssuedToken, TokenRequest } from '../../src/kubernetes/contract.ts';

const audience = 'sts.amazonaws.com';
const hour = 3_600_000;
const away = new SyncError({ remedy: 'Retry', reason: 'Unreachable', message: 'no answer' });

describe('identities of namespaces', () => {
  let now: number;
  let asked: TokenRequest[];
  let reads: string[];
  let answer: () => Promise<IssuedToken>;
  let values: Record<string, Buffer> | null;
  const kubernetes = {
    requestToken(request: TokenRequest) {
      asked.push(request);
      return answer();
    },
    async getSecret({ namespace, name }: { namespace: string; name: string }) {
      reads.push(`${namespace}/${name}`);
      return values;
    },
  };
  let identities: ReturnType<typeof createIdentities>;
  const writer = (namespace = 'team-a') => identities.of(namespace, { serviceAccountRef: { name: 'writer' } });
  const keys = (namespace = 'team-a') => identities.of(namespace, { secretRef: { name: 'keys' } });

  beforeEach(() => {
    now = 0;
    asked = [];
    reads = [];
    values = { id: Buffer.from('one') };
    answer = async () => ({ token: `token-${asked.length}`, expiresAt: now + hour });
    identities = createIdentities({ kubernetes, now: () => now });
  });

  test('ask for a token once, however many want it at once, and for an hour', async () => {
    const tokens = await Promise.all([writer().token(audience), writer().token(audience), writer().token(audience)]);

    const again = await writer().token(audience);

    expect([...tokens, again]).toEqual(Array(4).fill('token-1'));
    expect(asked).toEqual([
      { namespace: 'team-a', serviceAccount: 'writer', audiences: [audience], expirationSeconds: 3600 },
    ]);
  });

  test('have a token for each namespace and audience', async () => {
    const tokens = [
      await writer('team-a').token(audience),
      await writer('team-b').token(audience),
      await writer('team-a').token('another'),
      await writer('team-b').token(audience),
    ];

    expect(tokens).toEqual(['token-1', 'token-2', 'token-3', 'token-2']);
    expect(asked.map(({ namespace, audiences }) => [namespace, ...audiences])).toEqual([
      ['team-a', audience],
      ['team-b', audience],
      ['team-a', 'another'],
    ]);
  });

  test('renew a token before it ends, and nobody waits for that', async () => {
    await writer().token(audience);
    now = 0.85 * hour;

    const meanwhile = await writer().token(audience);
    const renewed = await writer().token(audience);

    expect([meanwhile, renewed]).toEqual(['token-1', 'token-2']);
  });

  test('keep the token that still holds when its renewal fails, try again, and do not hand out one that has ended', async () => {
    await writer().token(audience);
    answer = () => Promise.reject(away);
    now = 0.85 * hour;

    const first = await writer().token(audience);
    const atOnce = await writer().token(audience);
    now += 60_000;
    const later = await writer().token(audience);
    const tries = asked.length;
    now = hour;

    expect([first, atOnce, later, tries]).toEqual(['token-1', 'token-1', 'token-1', 3]);
    await expect(writer().token(audience)).rejects.toBe(away);
  });

  test('ask again for what was refused, but not at once', async () => {
    answer = () => Promise.reject(away);
    await expect(writer().token(audience)).rejects.toBe(away);
    await expect(writer().token(audience)).rejects.toBe(away);
    const tries = asked.length;
    answer = async () => ({ token: 'at last', expiresAt: now + hour });
    now = 10_000;

    const token = await writer().token(audience);

    expect([tries, token]).toEqual([1, 'at last']);
  });

  test('read a Secret once in some seconds, so that a rotation is seen, and never for another namespace', async () => {
    const [first, other] = await Promise.all([keys().secretValue('id'), keys().secretValue('none')]);
    values = { id: Buffer.from('two') };
    now = 9_000;
    const kept = await keys().secretValue('id');
    const elsewhere = await keys('team-b').secretValue('id');
    now = 11_000;

    const rotated = await keys().secretValue('id');

    expect([first, other, kept, elsewhere, rotated]).toEqual(['one', null, 'one', 'two', 'two']);
    expect(reads).toEqual(['team-a/keys', 'team-b/keys', 'team-a/keys']);
  });

  test('say what is missing, and which kind cannot do what', async () => {
    values = null;

    await expect(keys().secretValue('id')).rejects.toMatchObject({ remedy: 'SlowRetry', reason: 'IdentityMissing' });
    await expect(keys().token(audience)).rejects.toMatchObject({ remedy: 'FixSpec', reason: 'IdentityUnfit' });
    await expect(writer().secretValue('id')).rejects.toMatchObject({ remedy: 'FixSpec', reason: 'IdentityUnfit' });
    expect([writer().label, keys().label]).toEqual(['ServiceAccount team-a/writer', 'Secret team-a/keys']);
  });

  test('need manifests from Kubernetes', () => {
    const none = createIdentities({ kubernetes: null, now: () => now });

    expect(() => none.of('team-a', { serviceAccountRef: { name: 'writer' } })).toThrow(
      expect.objectContaining({
        remedy: 'FixSpec',
        message: expect.stringMatching(/^auth needs manifests from Kubernetes/),
      }),
    );
  });
});
