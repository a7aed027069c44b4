import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { listenOnLoopback } from '../../peers/forward.ts';
import { canary } from '../conformance/under-test.ts';

test('no token is printed when the operator signs in, even when the environment asks the library for its log', async () => {
  const program = fileURLToPath(new URL('sign-in-once.ts', import.meta.url));
  const answer = JSON.stringify({ access_token: canary, expires_in: 3_600, token_type: 'Bearer' });
  const metadata = await listenOnLoopback(async (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'metadata-flavor': 'Google' }).end(answer);
  });
  const { GOOGLE_APPLICATION_CREDENTIALS: _file, ...inherited } = process.env;
  const env = {
    ...inherited,
    HOME: '/nonexistent',
    GCE_METADATA_HOST: new URL(metadata.url).host,
    METADATA_SERVER_DETECTION: 'assume-present',
    GOOGLE_SDK_NODE_LOGGING: 'all',
  };

  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [printed] = await Promise.all([Promise.all([text(child.stdout), text(child.stderr)]), once(child, 'close')]);
  await metadata.stop();

  expect(printed[0]).toBe(`${`Bearer ${canary}`.length}\n`);
  expect(printed.join('')).not.toContain(canary);
});
