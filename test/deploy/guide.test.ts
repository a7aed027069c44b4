import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { accessRules } from '../../src/state/redis/access.ts';
import { providePeer } from '../peers/provision.ts';
import { fewestValues, only, render, root, type Values } from './chart.ts';
import { podOf } from './pod.ts';

const file = join(root, 'docs/guides/kubernetes.md');
let guide: string;
/** Its fenced YAML, in order. */
let blocks: Values[];

beforeAll(async () => {
  await providePeer('helm');
  guide = await readFile(file, 'utf8');
  blocks = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => parse(text));
}, 600_000);

test('its values make the objects that its commands name, and settings that the program takes', async () => {
  const [values = {}] = blocks;

  const { objects } = await render(values);

  const operator = podOf(objects, 'vault-secret-sync-operator');
  const webhook = podOf(objects, 'vault-secret-sync-webhook');
  expect([operator.settings().roles, webhook.settings().roles]).toEqual([['operator'], ['webhook']]);
  expect(guide).toContain(`bound_service_account_names=${operator.spec.serviceAccountName} `);
  const { metadata, spec } = only(objects, 'Service', 'vault-secret-sync-webhook');
  const host = `${metadata.name}.${metadata.namespace}.svc`;
  const portOf = (name: string) => spec.ports?.find((port) => port.name === name)?.port;
  expect(guide).toContain(`address=${host}:${portOf('socket-0')}\n`);
  expect(guide).toContain(`https://${host}:${portOf('events')}/events/${operator.settings().vaults[0]?.name}`);
});

test('its other values are taken too', async () => {
  const [, ...others] = blocks;

  const rendered = others.map((values) => render({ ...fewestValues, ...values }));

  expect(others).not.toHaveLength(0);
  await expect(Promise.all(rendered)).resolves.toHaveLength(others.length);
});

test('its Redis users have the rights that the program needs', () => {
  const { webhook, operator } = accessRules('vss');

  const users = [...guide.matchAll(/^ACL SETUSER vss-(\w+) on >PASSWORD (.*)$/gm)].map(([, who, rules]) => [
    who,
    rules,
  ]);

  expect(users).toEqual([
    ['webhook', webhook],
    ['operator', operator],
  ]);
});

test('its links lead somewhere', () => {
  const links = [...guide.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link);

  const broken = links.filter((link) => !existsSync(join(dirname(file), link)));

  expect(links).not.toHaveLength(0);
  expect(broken).toEqual([]);
});
