import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type AwsSettings, aws } from '../../../src/sync-targets/aws/index.ts';
import type { Target } from '../../../src/sync-targets/contract.ts';
import { createContext, createManualClock } from '../conformance/under-test.ts';

const tls = new URL('../../stand-ins/azure-key-vault/tls/', import.meta.url);
const readPem = (file: string) => readFileSync(new URL(file, tls), 'utf8');

describe('the connection to AWS', () => {
  const signal = AbortSignal.timeout(20_000);
  let server: Server;
  let connections: number;
  let target: Target | null;

  const open = (settings: Partial<AwsSettings>): Target => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const all = { endpoint: `https://127.0.0.1:${address.port}`, region: 'eu-west-1', credentials, ...settings };
    const context = createContext({ settings: all, clock: createManualClock(0), errors: [] });
    target = aws.open({ aws: {} }, context);
    return target;
  };

  beforeEach(async () => {
    connections = 0;
    target = null;
    server = createServer({ cert: readPem('server.pem'), key: readPem('server-key.pem') }, (request, response) => {
      request.resume();
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify({ __type: 'ResourceNotFoundException', message: 'none' }));
    });
    server.on('connection', () => {
      connections += 1;
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });

  afterEach(async () => {
    await target?.close?.();
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  test('serves one call after the other', async () => {
    const { describe: look } = open({ caPem: readPem('ca.pem') });

    const found = [await look('one', signal), await look('two', signal), await look('three', signal)];

    expect(found).toEqual([null, null, null]);
    expect(connections).toBe(1);
  });

  test('is refused to an endpoint whose CA is not trusted', async () => {
    const refusal = open({}).describe('any', signal);

    await expect(refusal).rejects.toMatchObject({
      remedy: 'SlowRetry',
      reason: 'CertificateRefused',
      message: expect.stringContaining('set stores.aws.caPem'),
    });
  });
});
