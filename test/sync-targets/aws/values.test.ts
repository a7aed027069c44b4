import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AwsDestination } from '../../../src/crd/destinations/aws.ts';
import type { Target } from '../../../src/sync-targets/contract.ts';
import { createContext, createManualClock, desire } from '../conformance/under-test.ts';
import { type MotoStore, openMotoStore } from './moto-store.ts';

const owner = '0123456789abcdef0123456789abcdef';

describe('the value of a copy in AWS', () => {
  /** Nobody gives up. */
  const { signal } = new AbortController();
  let moto: MotoStore;
  let target: Target;

  const desireCopy = (name: string, value: string, aws: AwsDestination) =>
    desire({ name, value, destination: { aws }, owner });
  const valueAt = async (name: string) => {
    const { SecretString, SecretBinary } = await moto.admin.getSecretValue({ SecretId: name });
    return { text: SecretString, bytes: SecretBinary && Buffer.from(SecretBinary) };
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

  test('is text unless the manifest says otherwise', async () => {
    await target.write(desireCopy('text', 'größe', {}), { kind: 'absent' }, signal);

    expect(await valueAt('text')).toEqual({ text: 'größe', bytes: undefined });
  });

  test('is the bytes of the text with valueType: Binary, through updates too', async () => {
    const written = await target.write(
      desireCopy('binary', 'one', { valueType: 'Binary' }),
      { kind: 'absent' },
      signal,
    );
    const next = desireCopy('binary', 'größe', { valueType: 'Binary' });

    await target.write(next, { kind: 'remembered', written }, signal);

    expect(await valueAt('binary')).toEqual({ text: undefined, bytes: Buffer.from('größe') });
  });

  test('is what the text is Base64 of with valueType: Base64', async () => {
    const bytes = Buffer.from([0, 1, 0xff, 0xfe, 0x80]);
    const wrapped = `${bytes.toString('base64')}\n`;

    await target.write(desireCopy('keystore', wrapped, { valueType: 'Base64' }), { kind: 'absent' }, signal);

    expect(await valueAt('keystore')).toEqual({ text: undefined, bytes });
  });

  test('changes its type with the manifest, as a version of its own', async () => {
    const before = desireCopy('retyped', 'same', {});
    await target.write(before, { kind: 'absent' }, signal);
    const after = desireCopy('retyped', 'same', { valueType: 'Binary' });
    const observed = await target.describe('retyped', signal);
    if (observed === null) throw new Error('retyped is absent');

    const differences = target.compare(after, observed, null);
    await target.write(after, { kind: 'observed', observed, differences }, signal);

    expect(differences).toEqual(['value']);
    expect(await valueAt('retyped')).toEqual({ text: undefined, bytes: Buffer.from('same') });
  });
});
