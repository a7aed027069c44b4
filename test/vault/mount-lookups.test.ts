import { describe, expect, test } from '@jest/globals';
import { createMounts } from '../../src/vault/mounts.ts';
import type { VaultAnswer } from '../../src/vault/transport.ts';
import { calm } from './world.ts';

const place = { namespace: '', mount: 'secret' };
const now = { fresh: true, signal: calm };

/** A Vault that answers when it is told to. */
function openSlowVault() {
  const waiting: PromiseWithResolvers<VaultAnswer>[] = [];
  const mounts = createMounts({
    address: 'https://vault.example:8200',
    ask() {
      const answer = Promise.withResolvers<VaultAnswer>();
      waiting.push(answer);
      return answer.promise;
    },
  });
  const answer = (uuid: string) => {
    const body = { data: { uuid, type: 'kv', path: 'secret/', options: { version: '2' } } };
    waiting.shift()?.resolve({ status: 200, body, retryAfterMs: undefined });
  };
  return { mounts, waiting, answer };
}

describe('a mount that many look at anew', () => {
  test('is asked for once for all who ask while another look is under way', async () => {
    const { mounts, waiting, answer } = openSlowVault();

    const first = mounts.get(place, now);
    const others = Array.from({ length: 40 }, () => mounts.get(place, now));
    const askedAtFirst = waiting.length;
    answer('old');
    await first;
    const askedThen = waiting.length;
    answer('new');

    expect([askedAtFirst, askedThen]).toEqual([1, 1]);
    expect((await Promise.all(others)).map(({ uuid }) => uuid)).toEqual(others.map(() => 'new'));
    expect(waiting).toHaveLength(0);
  });

  test('never shows what Vault was asked before the call', async () => {
    const { mounts, answer } = openSlowVault();
    const early = mounts.get(place, now);

    const late = mounts.get(place, now);
    answer('before');
    await early;
    answer('after');

    expect(await early).toMatchObject({ uuid: 'before' });
    expect(await late).toMatchObject({ uuid: 'after' });
  });

  test('is asked for anew after a look that failed', async () => {
    const { mounts, waiting, answer } = openSlowVault();
    const early = mounts.get(place, now);
    const late = mounts.get(place, now);

    waiting.shift()?.reject(new Error('the connection broke'));
    await expect(early).rejects.toThrow('broke');
    answer('after');

    expect(await late).toMatchObject({ uuid: 'after' });
  });
});
