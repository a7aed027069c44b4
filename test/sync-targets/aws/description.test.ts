import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Desired, Target } from '../../../src/sync-targets/contract.ts';
import { createContext, createManualClock, desire, secretValue } from '../conformance/under-test.ts';
import { versionsOf } from './control.ts';
import { type MotoStore, openMotoStore } from './moto-store.ts';

describe('the description of a copy in AWS', () => {
  const absent = { kind: 'absent' } as const;
  /** Nobody gives up. */
  const { signal } = new AbortController();
  let moto: MotoStore;
  let target: Target;

  const desireCopy = (name: string, description?: string): Desired => {
    const destination = { aws: description === undefined ? {} : { description } };
    return desire({ name, value: secretValue(name), destination, owner: '0123456789abcdef0123456789abcdef' });
  };
  const describeCopy = async (name: string) => {
    const observed = await target.describe(name, signal);
    if (observed === null) throw new Error(`${name} is absent`);
    return observed;
  };
  const createForeign = async (name: string) => {
    await moto.admin.createSecret({ Name: name, SecretString: 'theirs', Description: 'Theirs.' });
    return describeCopy(name);
  };

  beforeAll(async () => {
    moto = await openMotoStore();
    const context = createContext({ settings: moto.settings, clock: createManualClock(Date.now()), errors: [] });
    target = moto.kind.open({ aws: {} }, context);
  }, 600_000);

  afterAll(async () => {
    await target.close?.();
    await moto.close();
  });

  test('comes with the creation, in one request', async () => {
    moto.proxy.forget();

    await target.write(desireCopy('created', 'Ours.'), absent, signal);

    expect(await moto.store.descriptionOf?.('created')).toBe('Ours.');
    expect(await moto.store.requests()).toEqual([{ operation: 'CreateSecret', write: true }]);
  });

  test('is changed alone, without a new version, when the value is remembered to be right', async () => {
    const written = await target.write(desireCopy('changed', 'Ours.'), absent, signal);
    await moto.admin.updateSecret({ SecretId: 'changed', Description: 'By hand.' });
    const observed = await describeCopy('changed');
    moto.proxy.forget();

    const differences = target.compare(desireCopy('changed', 'Ours.'), observed, written);
    await target.write(desireCopy('changed', 'Ours.'), { kind: 'observed', observed, differences }, signal);

    expect(differences).toEqual(['description']);
    expect(await moto.store.descriptionOf?.('changed')).toBe('Ours.');
    expect(await moto.store.requests()).toEqual([{ operation: 'UpdateSecret', write: true }]);
    expect((await versionsOf(moto.admin, 'changed')).Versions).toHaveLength(1);
  });

  test('is changed in one request with the encryption key', async () => {
    const key = '1234abcd-12ab-34cd-56ef-1234567890ab';
    await target.write(desireCopy('with-key', 'Before.'), absent, signal);
    const observed = await describeCopy('with-key');
    const desired = { ...desireCopy('with-key'), destination: { aws: { description: 'After.', encryptionKey: key } } };
    moto.proxy.forget();

    await target.write(desired, { kind: 'observed', observed, differences: ['description', 'encryptionKey'] }, signal);

    expect(await moto.store.requests()).toEqual([{ operation: 'UpdateSecret', write: true }]);
    expect(await moto.admin.describeSecret({ SecretId: 'with-key' })).toMatchObject({
      Description: 'After.',
      KmsKeyId: key,
    });
  });

  test('of a secret that is taken over gives way to that of the manifest', async () => {
    const observed = await createForeign('taken-over');

    await target.write(desireCopy('taken-over', 'Ours.'), { kind: 'observed', observed }, signal);

    expect(await moto.store.descriptionOf?.('taken-over')).toBe('Ours.');
  });

  test('of a secret that is taken over stays when the manifest has none', async () => {
    const observed = await createForeign('kept');
    moto.proxy.forget();

    await target.write(desireCopy('kept'), { kind: 'observed', observed }, signal);

    expect(await moto.store.descriptionOf?.('kept')).toBe('Theirs.');
    expect(await moto.store.requests()).not.toContainEqual({ operation: 'UpdateSecret', write: true });
  });

  test('is seen in a listing too', async () => {
    const desired = desireCopy('listed', 'Ours.');
    await target.write(desired, absent, signal);

    const listed = await Array.fromAsync(target.list?.(desired.marks.owner, signal) ?? []);

    const observed = listed.find(({ name }) => name === 'listed');
    expect(observed && target.compare(desired, observed, null)).toEqual([]);
  });
});
