import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { loadSettings } from '../../../src/config/load.ts';
import { createMetrics } from '../../../src/metrics.ts';
import { refusalOf } from '../../../src/webhook/subscriptions/refusals.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = join(root, 'docs/guides/vault-enterprise-events.md');
let guide: string;

beforeAll(async () => {
  guide = await readFile(page, 'utf8');
});

test('its settings are taken', () => {
  const { webhook } = parse(/```yaml\n(.*?)```/s.exec(guide)?.[1] ?? '');
  const settings = {
    roles: ['webhook'],
    state: { redis: 'redis://redis:6379' },
    vaults: [{ name: 'main', address: 'https://vault.example.com' }],
    webhook: { http: { enabled: false }, ...webhook },
  };

  const loaded = loadSettings({ file: { name: 'guide', text: JSON.stringify(settings) }, env: {}, flags: {} });

  expect(loaded.webhook.eventSubscriptions).toHaveLength(1);
});

test('its policy gives no right to read or write a secret', () => {
  const policy = /```hcl\n(.*?)```/s.exec(guide)?.[1] ?? '';
  const rights = [...policy.matchAll(/path "(.*?)" \{\s*capabilities\s*= \[(.*?)\]/g)].map(([, path, list]) => [
    path,
    list,
  ]);

  expect(rights).toEqual([
    ['sys/events/subscribe/kv*', '"read"'],
    ['secret/*', '"list", "subscribe"'],
  ]);
});

test('it explains what a Vault may answer, in the words of the log', () => {
  const beginnings = [403, 404, 503].map((status) => refusalOf(status).split(/[,;]/)[0] ?? '');

  expect(beginnings.filter((words) => !guide.includes(words))).toEqual([]);
});

test('its metrics are those that the program has', async () => {
  const exposed = await createMetrics({ withProcess: false }).registry.metrics();
  const named = [...new Set([...guide.matchAll(/vss_[a-z_]+/g)].map(([name]) => name))];

  expect(named).not.toHaveLength(0);
  expect(named.filter((name) => !exposed.includes(`# TYPE ${name} `))).toEqual([]);
});

test('its links lead somewhere', () => {
  const links = [...guide.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link);

  expect(links).not.toHaveLength(0);
  expect(links.filter((link) => !existsSync(join(dirname(page), link)))).toEqual([]);
});
