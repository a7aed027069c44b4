import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { formatTestResult, type TestResult, testEvents } from '../../src/webhook/test-event.ts';
import { auditEntry, auditLine, readSamples } from './entries.ts';

async function resultsOf(...pieces: (string | Buffer)[]): Promise<TestResult[]> {
  return Array.fromAsync(testEvents(Readable.from(pieces)));
}

describe('testEvents', () => {
  test('says what the webhook makes of each entry, in order', async () => {
    const results = await resultsOf(
      auditLine({ version: 4 }),
      auditLine({ operation: 'read' }),
      'no JSON\n',
      auditLine({ path: 'sys/remount', mountPoint: 'sys/', mountType: 'system', namespace: 'team-a' }),
    );

    expect(results.map(formatTestResult)).toEqual([
      '{"verdict":"changed","reason":"SecretChanged","namespace":"","mount":"secret","path":"secret/data/app/db","operation":"update","version":4,"requestId":"5e5e5e5e-0000-4000-8000-000000000001"}',
      '{"verdict":"ignored","reason":"ReadOnly","namespace":"","mount":"secret","path":"secret/data/app/db","operation":"read","version":null,"requestId":"5e5e5e5e-0000-4000-8000-000000000001"}',
      '{"verdict":"malformed","reason":"NotJson","namespace":null,"mount":null,"path":null,"operation":null,"version":null,"requestId":null}',
      '{"verdict":"reconcile","reason":"MountMoved","namespace":"team-a","mount":"","path":"sys/remount","operation":"update","version":null,"requestId":"5e5e5e5e-0000-4000-8000-000000000001"}',
    ]);
  });

  test('judges every sample, wrapped as it is in a file of samples', async () => {
    const samples = readSamples();

    const results = await resultsOf(samples.map((sample) => `${JSON.stringify(sample)}\n`).join(''));

    expect(results).toHaveLength(samples.length);
    expect(results.filter(({ verdict }) => verdict === 'changed')).toHaveLength(18);
    expect(results.filter(({ ownWrite }) => ownWrite)).toHaveLength(1);
    expect(results.filter(({ metadataOnly }) => metadataOnly)).toHaveLength(2);
  });

  test('takes pieces of any size', async () => {
    const line = auditLine({ version: 4 });

    const results = await resultsOf(line.slice(0, 7), Buffer.from(line.slice(7)), line.trimEnd());

    expect(results.map(({ verdict }) => verdict)).toEqual(['changed', 'changed']);
  });

  test('shows no value, token or accessor', async () => {
    const secret = { password: 'VALUE-CANARY' };
    const raw = {
      ...auditEntry({ requestData: { data: secret }, data: { data: secret }, error: 'VALUE-CANARY' }),
      auth: { client_token: 'hvs.CANARY', accessor: 'ACCESSOR-CANARY' },
    };
    const lookup = auditLine({ path: 'auth/token/lookup/hvs.CANARY', mountPoint: 'auth/token/', mountType: 'token' });
    const revoke = auditLine({ path: 'auth/token/revoke-accessor/ACCESSOR-CANARY', mountType: 'token' });

    const results = await resultsOf(`${JSON.stringify(raw)}\n${lookup}${revoke}VALUE-CANARY\n{"hvs.CANARY":1}\n`);

    expect(results).toHaveLength(5);
    expect(results.map(formatTestResult).join()).not.toMatch(/CANARY/);
  });
});
