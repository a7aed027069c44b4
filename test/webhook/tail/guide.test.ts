import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { loadSettings } from '../../../src/config/load.ts';
import { createMetrics } from '../../../src/metrics.ts';
import { rotationName } from '../../../src/webhook/tail/rotations.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = join(root, 'docs/guides/file-tail.md');
let guide: string;

beforeAll(async () => {
  guide = await readFile(page, 'utf8');
});

const readExample = (name: string) => readFile(join(root, 'examples/file-tail', name), 'utf8');

function settingsOf(text: string) {
  const env = { VSS_STATE_REDIS: 'redis://redis:6379' };
  return loadSettings({ file: { name: 'settings.yaml', text }, env, flags: {} });
}

test('its settings, and those of the example, are taken and open no listener', async () => {
  const texts = [/```yaml\n(.*?)```/s.exec(guide)?.[1] ?? '', await readExample('settings.yaml')];

  const all = texts.map(settingsOf);

  expect(all.map(({ roles, webhook }) => [roles, webhook.http.enabled, webhook.files.length])).toEqual([
    [['webhook'], false, 1],
    [['webhook'], false, 1],
  ]);
});

test('the sidecar mounts what its settings name', async () => {
  const [file] = settingsOf(await readExample('settings.yaml')).webhook.files;
  const { server } = parse(await readExample('vault-chart-values.yaml'));
  const [sidecar] = server.extraContainers;
  const mountOf = (path: string) =>
    sidecar.volumeMounts.find(({ mountPath }: { mountPath: string }) => path.startsWith(`${mountPath}/`));

  expect(mountOf(file?.path ?? '')).toEqual({ name: 'audit', mountPath: '/vault/audit' });
  expect(mountOf(file?.checkpoint ?? '')?.readOnly).toBeUndefined();
  expect(mountOf(sidecar.args[2])).toMatchObject({ name: server.volumes[0].name });
  expect(sidecar).not.toHaveProperty('readinessProbe');
});

test('the checkpoint of the example is not taken for a rotated file', async () => {
  const [file] = settingsOf(await readExample('settings.yaml')).webhook.files;

  expect(rotationName('audit.log', file?.checkpoint.split('/').pop() ?? '')).toBeNull();
});

test('what logrotate calls the old files is known', async () => {
  const conf = await readExample('logrotate.conf');

  expect(conf).toContain('dateformat -%Y%m%d-%s');
  expect(conf).not.toMatch(/^\s*(copytruncate|olddir)/m);
  expect(rotationName('audit.log', 'audit.log-20261122-1795305600.gz')).not.toBeNull();
});

test('its metrics exist', async () => {
  const exposed = await createMetrics({ withProcess: false }).registry.metrics();

  const named = [...new Set([...guide.matchAll(/vss_[a-z_]+/g)].map(([name]) => name))];

  expect(named).not.toHaveLength(0);
  expect(named.filter((name) => !exposed.includes(`# TYPE ${name} `))).toEqual([]);
});

test('its links lead somewhere', () => {
  const links = [...guide.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link);

  const broken = links.filter((link) => !existsSync(join(dirname(page), link)));

  expect(links).not.toHaveLength(0);
  expect(broken).toEqual([]);
});
