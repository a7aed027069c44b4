import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../peers/processes.ts';
import { startVault, type VaultPeer } from '../peers/start-vault.ts';
import { readAll } from './entries.ts';

let vault: VaultPeer;
let readOnly: string;

beforeAll(async () => {
  vault = await startVault({ mounts: { old: 1, 'a/b/kv': 2, 'a/b/old': 1 } });
  const policy = 'path "*" { capabilities = ["read", "list"] }';
  await vault.api('PUT', 'sys/policies/acl/reader', { policy });
  const { body } = await vault.api('POST', 'auth/token/create', { policies: ['reader'], no_default_policy: true });
  readOnly = (body as { auth: { client_token: string } }).auth.client_token;
}, 600_000);

afterAll(() => vault.stop());

/** What Vault wrote into its audit file during some requests. */
async function linesOf(requests: () => Promise<unknown>): Promise<string> {
  const before = (await readFile(vault.auditFile)).length;
  await requests();
  const mark = `marker-${before}`;
  await vault.api('GET', `secret/data/${mark}`);
  // The marker's response comes last: the file device writes before Vault answers.
  return eventually(
    async () => {
      const text = (await readFile(vault.auditFile)).subarray(before).toString();
      return text.split('\n').filter((line) => line.includes(mark)).length === 2 ? text : null;
    },
    { what: 'the marker' },
  );
}

/** What is heard of some requests: `path version` of each change, `reason mount` of each reconcile. */
async function heardOf(requests: () => Promise<unknown>): Promise<string[]> {
  const text = await linesOf(requests);
  const { verdicts } = readAll([text], { prefilter: false });
  const important = verdicts.filter(({ verdict }) => verdict !== 'ignored');
  expect(readAll([text], { prefilter: true }).verdicts.filter(({ verdict }) => verdict !== 'ignored')).toEqual(
    important,
  );
  expect(verdicts.filter(({ verdict }) => verdict === 'malformed')).toEqual([]);
  return verdicts.flatMap(({ verdict, reason, mount, path, version, metadataOnly }) => {
    if (verdict === 'reconcile') return [`${reason} ${mount}`];
    return verdict === 'changed'
      ? [[mount, path, version ?? '-', metadataOnly ? 'metadata' : ''].join(' ').trim()]
      : [];
  });
}

/** Statuses show that Vault did what the case says. */
interface Case {
  readonly what: string;
  readonly requests: readonly (readonly [
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ])[];
  readonly statuses: readonly number[];
  readonly heard: readonly string[];
}

const data = { user: 'ada' };
const patch = { 'Content-Type': 'application/merge-patch+json' };
const wrapped = { 'X-Vault-Wrap-TTL': '60s' };

/** In order: each goes on from where the one before it left off. */
function opsOfKv2(mount: string): Case[] {
  const at = (segment: string) => `${mount}/${segment}/app/db`;
  return [
    { what: 'the first put', requests: [['POST', at('data'), { data }]], statuses: [200], heard: [`${at('data')} 1`] },
    { what: 'a put', requests: [['PUT', at('data'), { data }]], statuses: [200], heard: [`${at('data')} 2`] },
    {
      what: 'a put with check-and-set',
      requests: [['POST', at('data'), { data, options: { cas: 2 } }]],
      statuses: [200],
      heard: [`${at('data')} 3`],
    },
    {
      what: 'a failed check-and-set',
      requests: [['POST', at('data'), { data, options: { cas: 1 } }]],
      statuses: [400],
      heard: [],
    },
    {
      what: 'a patch',
      requests: [['PATCH', at('data'), { data: { more: 'x' } }, patch]],
      statuses: [200],
      heard: [`${at('data')} 4`],
    },
    {
      what: 'a patch of nothing',
      requests: [['PATCH', `${mount}/data/none`, { data }, patch]],
      statuses: [404],
      heard: [],
    },
    { what: 'a put without data', requests: [['POST', at('data'), {}]], statuses: [400], heard: [] },
    {
      what: 'a put whose answer is wrapped',
      requests: [['POST', at('data'), { data }, wrapped]],
      statuses: [200],
      heard: [`${at('data')} -`],
    },
    {
      what: 'a read whose answer is wrapped',
      requests: [['GET', at('data'), undefined, wrapped]],
      statuses: [200],
      heard: [],
    },
    {
      what: 'reads and lists',
      requests: [
        ['GET', at('data')],
        ['GET', `${at('data')}?version=1`],
        ['GET', at('subkeys')],
        ['GET', at('metadata')],
        ['LIST', `${mount}/metadata`],
        ['GET', `${mount}/config`],
        ['GET', `${mount}/data/none`],
      ],
      statuses: [200, 200, 200, 200, 200, 200, 404],
      heard: [],
    },
    {
      what: 'the deletion of the latest version',
      requests: [['DELETE', at('data')]],
      statuses: [204],
      heard: [`${at('data')} -`],
    },
    { what: 'a read of what is deleted', requests: [['GET', at('data')]], statuses: [404], heard: [] },
    {
      what: 'an undelete',
      requests: [['POST', at('undelete'), { versions: [5] }]],
      statuses: [204],
      heard: [`${at('undelete')} -`],
    },
    {
      what: 'the deletion of versions',
      requests: [['POST', at('delete'), { versions: [1, 2] }]],
      statuses: [204],
      heard: [`${at('delete')} -`],
    },
    {
      what: 'a destroy',
      requests: [['PUT', at('destroy'), { versions: [1] }]],
      statuses: [204],
      heard: [`${at('destroy')} -`],
    },
    { what: 'a destroy of no version', requests: [['PUT', at('destroy'), {}]], statuses: [400], heard: [] },
    {
      what: 'custom metadata that is put',
      requests: [['POST', at('metadata'), { custom_metadata: { owner: 'ada' } }]],
      statuses: [204],
      heard: [`${at('metadata')} - metadata`],
    },
    {
      what: 'custom metadata that is patched',
      requests: [['PATCH', at('metadata'), { custom_metadata: { owner: 'bob' } }, patch]],
      statuses: [204],
      heard: [`${at('metadata')} - metadata`],
    },
    {
      what: 'custom metadata that is refused',
      requests: [['POST', at('metadata'), { custom_metadata: { owner: 'x'.repeat(600) } }]],
      statuses: [400],
      heard: [],
    },
    {
      what: 'everything that a policy forbids',
      requests: [
        ['POST', at('data'), { data }, { 'X-Vault-Token': 'reader' }],
        ['DELETE', at('data'), undefined, { 'X-Vault-Token': 'reader' }],
        ['POST', at('undelete'), { versions: [1] }, { 'X-Vault-Token': 'reader' }],
        ['PUT', at('destroy'), { versions: [1] }, { 'X-Vault-Token': 'reader' }],
        ['DELETE', at('metadata'), undefined, { 'X-Vault-Token': 'reader' }],
        ['DELETE', at('metadata'), undefined, { 'X-Vault-Token': 'no-such-token' }],
      ],
      statuses: [403, 403, 403, 403, 403, 403],
      heard: [],
    },
    {
      what: 'the deletion of everything',
      requests: [['DELETE', at('metadata')]],
      statuses: [204],
      heard: [`${at('metadata')} -`],
    },
    {
      what: 'metadata for a secret to come',
      requests: [['POST', `${mount}/metadata/later`, { max_versions: 3 }]],
      statuses: [204],
      heard: [`${mount}/metadata/later - metadata`],
    },
    {
      what: 'the settings of the mount',
      requests: [['POST', `${mount}/config`, { max_versions: 5 }]],
      statuses: [204],
      heard: ['config'],
    },
  ];
}

function opsOfKv1(mount: string): Case[] {
  const at = `${mount}/app/db`;
  return [
    { what: 'the first put', requests: [['POST', at, data]], statuses: [204], heard: [`${at} -`] },
    { what: 'a put', requests: [['PUT', at, data]], statuses: [204], heard: [`${at} -`] },
    { what: 'a put without fields', requests: [['POST', at, {}]], statuses: [400], heard: [] },
    {
      what: 'reads and lists',
      requests: [
        ['GET', at],
        ['LIST', mount],
        ['GET', `${mount}/none`],
      ],
      statuses: [200, 200, 404],
      heard: [],
    },
    {
      what: 'what a policy forbids',
      requests: [
        ['PUT', at, data, { 'X-Vault-Token': 'reader' }],
        ['DELETE', at, undefined, { 'X-Vault-Token': 'reader' }],
      ],
      statuses: [403, 403],
      heard: [],
    },
    {
      what: 'a secret called like a part of KV v2',
      requests: [['POST', `${mount}/data/x`, data]],
      statuses: [204],
      heard: [`${mount}/data/x -`],
    },
    { what: 'a delete', requests: [['DELETE', at]], statuses: [204], heard: [`${at} -`] },
  ];
}

/** `reader` stands for the token that may only read. */
function headersOf(headers: Record<string, string> | undefined): Record<string, string> | undefined {
  return headers?.['X-Vault-Token'] === 'reader' ? { ...headers, 'X-Vault-Token': readOnly } : headers;
}

function defineCases(mount: string, cases: readonly Case[]): void {
  test.each(cases)('$what', async ({ requests, statuses, heard }) => {
    const answered: number[] = [];

    const found = await heardOf(async () => {
      for (const [method, path, body, headers] of requests) {
        answered.push((await vault.api(method, path, body, headersOf(headers))).status);
      }
    });

    expect(answered).toEqual(statuses);
    expect(found).toEqual(heard.map((each) => (each === 'config' ? `MountConfigured ${mount}` : `${mount} ${each}`)));
  });
}

describe.each(['secret', 'a/b/kv'])(
  'of what is done to KV v2 in %s is heard exactly what changed something:',
  (mount) => defineCases(mount, opsOfKv2(mount)),
);

describe.each(['old', 'a/b/old'])('of what is done to KV v1 in %s is heard exactly what changed something:', (mount) =>
  defineCases(mount, opsOfKv1(mount)),
);

test('nothing is heard of logins, tokens, wrapping, other engines and policies', async () => {
  const heard = await heardOf(async () => {
    await vault.api('POST', 'auth/token/create', { policies: ['reader'] });
    await vault.api('POST', 'auth/token/lookup-self');
    await vault.api('POST', 'sys/wrapping/wrap', data);
    await vault.api('PUT', 'sys/policies/acl/other', { policy: '' });
    await vault.api('POST', 'cubbyhole/app', data);
    await vault.api('POST', 'sys/auth/userpass', { type: 'userpass' });
    await vault.api('POST', 'auth/userpass/users/ada', { password: 'x' });
    await vault.api('POST', 'identity/entity', { name: 'ada' });
    await vault.api('POST', 'sys/capabilities-self', { paths: ['secret/data/app'] });
  });

  expect(heard).toEqual([]);
});

test('the command line, which asks for the mount first, is heard once for each change', async () => {
  const heard = await heardOf(async () => {
    await vault.cli(['kv', 'put', 'a/b/kv/cli', 'user=ada']);
    await vault.cli(['kv', 'patch', '-method=rw', 'a/b/kv/cli', 'more=x']);
    await vault.cli(['kv', 'rollback', '-version=1', 'a/b/kv/cli']);
    await vault.cli(['kv', 'get', 'a/b/kv/cli']);
  });

  const at = 'a/b/kv a/b/kv/data/cli';
  expect(heard).toEqual([`${at} 1`, `${at} 2`, `${at} 3`]);
});
