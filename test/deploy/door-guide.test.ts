import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { leaves } from '../../src/config/leaves.ts';
import { loadSettings } from '../../src/config/load.ts';
import { root } from './chart.ts';

const readGuide = () => readFile(join(root, 'docs/guides/door.md'), 'utf8');

test('the guide on who may send has settings that the program takes', async () => {
  const guide = await readGuide();
  const blocks = [...guide.matchAll(/```yaml\n(webhook:.*?)```/gs)].map(([, text = '']) => text);
  const others = {
    vaults: ['main', 'other'].map((name) => ({ name, address: `https://${name}.example.com`, auth: { token: 'x' } })),
  };
  const tokens = [{ tokenFile: '/token' }];

  const taken = blocks.map((text) => {
    const { webhook } = parse(text);
    const file = JSON.stringify({ ...others, installation: 'guide', webhook: { tokens, ...webhook } });
    return () => loadSettings({ file: { name: 'door.md', text: file }, env: {}, flags: {} });
  });

  expect(blocks).toHaveLength(3);
  for (const load of taken) expect(load).not.toThrow();
});

test('the guide and the page of limits name only settings that there are', async () => {
  const limits = await readFile(join(root, 'docs/reference/limits.md'), 'utf8');
  const [, section = ''] = limits.split('## What senders may take');
  const known = leaves.map(({ path }) => path.split('.').at(-1));

  const named = [...`${await readGuide()}${section}`.matchAll(/`(max[A-Z]\w+|\w+Seconds|requestsPerSecond)`/g)];

  expect(named.length).toBeGreaterThan(8);
  expect(named.map(([, name]) => name).filter((name) => !known.includes(name))).toEqual([]);
});
