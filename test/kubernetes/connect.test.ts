import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectKubernetes } from '../../src/kubernetes/connect.ts';
import { createLogger } from '../../src/logging.ts';

const logger = createLogger({ level: 'silent' });
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-kubeconfig-'));
});

afterAll(() => rm(folder, { recursive: true }));

async function writeConfig(name: string, cluster: object): Promise<string> {
  const file = join(folder, name);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: ['blue', 'green'].map((each) => ({ name: each, context: { cluster: 'c', user: 'u' } })),
    'current-context': 'blue',
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

test('a kubeconfig that is not there is bad input', async () => {
  const kubeconfig = join(folder, 'absent');

  await expect(connectKubernetes({ kubeconfig, logger })).rejects.toMatchObject({
    name: 'InputError',
    message: `the kubeconfig ${kubeconfig} cannot be read: correct it, or name another`,
  });
});

test('a context that is not there is bad input, and those that are get named', async () => {
  const kubeconfig = await writeConfig('contexts', { server: 'https://127.0.0.1:1' });

  await expect(connectKubernetes({ kubeconfig, context: 'red', logger })).rejects.toMatchObject({
    name: 'InputError',
    message: 'the kubeconfig has no cluster for its context (red); it has: blue, green',
  });
});

test('a context other than the current one can be named', async () => {
  const kubeconfig = await writeConfig('contexts', { server: 'https://127.0.0.1:1' });

  const client = await connectKubernetes({ kubeconfig, context: 'green', logger });

  expect(client.server).toBe('https://127.0.0.1:1');
  await client.close();
});

test('an API server that is not there is worth another try', async () => {
  const kubeconfig = await writeConfig('away', { server: 'https://127.0.0.1:1' });
  const client = await connectKubernetes({ kubeconfig, logger });

  await expect(client.kubeSystemUid()).rejects.toMatchObject({ remedy: 'Retry', reason: 'Unreachable' });
  await client.close();
});

test('whoever only imports the room does not load the client library', async () => {
  const program = `
    import { registerHooks } from 'node:module';
    const asked = [];
    registerHooks({ resolve: (name, context, next) => (asked.push(name), next(name, context)) });
    await import('${join(import.meta.dirname, '../../src/kubernetes/connect.ts')}');
    const before = asked.length;
    await import('${join(import.meta.dirname, '../../src/kubernetes/client.ts')}');
    const at = asked.indexOf('@kubernetes/client-node');
    console.log(at >= before);
  `;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program];

  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: join(import.meta.dirname, '../..') });

  expect(stdout).toBe('true\n');
});
