import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { eventually } from '../peers/processes.ts';
import { type Caller, refusalOf, withCaller } from './azure-key-vault-caller.ts';

const program = fileURLToPath(new URL('./azure-key-vault/main.ts', import.meta.url));

function run(...flags: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...flags], { encoding: 'utf8' });
  return { status, text: `${stdout}${stderr}` };
}

describe('the program', () => {
  test.each([
    [['--help'], 0, '--creations-per-10s'],
    [['--unknown'], 2, '--unknown'],
    [['--port', 'many'], 2, '--port must be a whole number, not many'],
    [['--recoverable-days', '91'], 2, '--recoverable-days must be 7 to 90'],
  ])('with %j ends with %i and says %s', (flags, status, words) => {
    const ended = run(...flags);

    expect(ended.status).toBe(status);
    expect(ended.text).toContain(words);
    expect(ended.text).not.toContain('node:internal');
  });
});

describe('quotas', () => {
  const headersOf = async ({ standIn, client }: Caller, name: string) => {
    const error = await client.setSecret(name, 'x').catch((caught: unknown) => caught);
    const { response } = error as { response: { headers: { get(header: string): string | undefined } } };
    return { retryAfter: Number(response.headers.get('retry-after')), requests: await standIn.requests() };
  };

  test('of creations end in 429 with the seconds to wait, for one vault and one kind of call', async () => {
    await withCaller({ creationsPer10s: 2 }, async (caller) => {
      const { client } = caller;
      await client.setSecret('one', 'x');
      await client.setSecret('two', 'x');

      const refusal = await refusalOf(client.setSecret('three', 'x'));
      const { retryAfter } = await headersOf(caller, 'three');

      expect(refusal).toBe('429 Throttled VaultRequestTypeLimitReached');
      expect(retryAfter).toBeGreaterThanOrEqual(1);
      expect(retryAfter).toBeLessThanOrEqual(10);
      await client.updateSecretProperties('one', '', { contentType: 'text/plain' });
      await caller.clientAt('127.0.0.1').setSecret('three', 'x');
    });
  });

  test('of all other calls leave creations alone', async () => {
    await withCaller({ callsPer10s: 1 }, async ({ client }) => {
      await client.setSecret('one', 'x');
      await client.getSecret('one');

      const refusal = await refusalOf(client.getSecret('one'));

      expect(refusal).toBe('429 Throttled VaultRequestTypeLimitReached');
      await client.setSecret('two', 'x');
    });
  });

  test('are none unless asked for', async () => {
    await withCaller({}, async ({ client }) => {
      await Promise.all(Array.from({ length: 400 }, (_, index) => client.setSecret(`copy-${index}`, 'x')));
    });
  });
});

test('an answer that stalls has a head and half its body, until the switch is cleared', async () => {
  await withCaller({}, async ({ standIn, client }) => {
    await client.setSecret('one', 'x');
    await standIn.fault({ kind: 'stall', operation: 'GetSecret' });

    const refused = refusalOf(client.getSecret('one'));
    await eventually(async () => (await standIn.hanging()) === 1, { what: 'the answer to stall' });
    await standIn.clearFaults();

    expect(await refused).not.toBe('nothing was refused');
    expect((await standIn.requests()).at(-1)).toMatchObject({ operation: 'GetSecret', status: 200 });
  });
});

describe('applications', () => {
  test('are told apart in the request log, and each has its own proof', async () => {
    await withCaller({}, async ({ standIn, askForToken }) => {
      await standIn.register('second', { clientSecret: 'its own' });

      const own = await askForToken({ client_id: 'second', client_secret: 'its own' });
      const foreign = await askForToken({ client_id: 'second' });

      expect([own.status, foreign.status]).toEqual([200, 401]);
      expect(foreign.body).toContain('AADSTS7000215');
    });
  });

  test('keep their tokens when their secret is changed', async () => {
    await withCaller({}, async ({ standIn, client }) => {
      await client.setSecret('one', 'x');

      await standIn.register(standIn.clientId, { clientSecret: 'another' });
      await client.setSecret('one', 'y');

      expect((await standIn.requests()).at(-1)).toMatchObject({ operation: 'SetSecret', client: standIn.clientId });
    });
  });
});

describe('the token of a managed identity', () => {
  const resource = 'resource=https%3A%2F%2Fvault.azure.net';

  test.each([
    ['is given to a machine', '', `api-version=2018-02-01&${resource}`, { metadata: 'true' }, 200],
    ['needs the header Metadata', '', `api-version=2018-02-01&${resource}`, {}, 400],
    ['needs a version of the protocol', '', resource, { metadata: 'true' }, 400],
    ['is none of an unknown identity', '', `api-version=2018-02-01&${resource}&client_id=x`, { metadata: 'true' }, 400],
    ['needs the secret of an app', 'app', `api-version=2019-08-01&${resource}`, { 'x-identity-header': 'x' }, 401],
  ] as const)('%s', async (_what, kind, query, headers, status) => {
    await withCaller({}, async ({ standIn }) => {
      const url = kind === 'app' ? standIn.appIdentityUrl : standIn.metadataUrl;

      const answer = await fetch(`${url}?${query}`, { headers: { ...headers, connection: 'close' } });
      const body = (await answer.json()) as Record<string, unknown>;

      expect(answer.status).toBe(status);
      expect(typeof body['access_token']).toBe(status === 200 ? 'string' : 'undefined');
    });
  });
});
