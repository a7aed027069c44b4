import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { loadSettings } from '../../src/config/load.ts';
import { accessRules } from '../../src/state/redis/access.ts';

const file = join(import.meta.dirname, '..', '..', 'docs/guides/redis.md');
const guide = readFileSync(file, 'utf8');

test('the users of the Redis guide have the rights that the program needs', () => {
  const users = [...guide.matchAll(/^user vss-(\w+) on >PASSWORD (.*)$/gm)].map(([, who = '', rules = '']) => [
    who,
    rules,
  ]);

  expect(Object.fromEntries(users)).toEqual(accessRules('vss'));
});

test('its settings are taken', () => {
  const blocks = [...guide.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = '']) => parse(text));
  const states = blocks.filter((block) => 'state' in block);
  const rest = { vaults: [{ name: 'main', address: 'https://vault.example.com', auth: { tokenFile: '/token' } }] };

  const load = (block: object) =>
    loadSettings({
      file: {
        name: 'settings.yaml',
        text: JSON.stringify({ ...rest, ...block, webhook: { allowUnauthenticated: true } }),
      },
      env: {},
      flags: {},
    });

  expect(states).toHaveLength(2);
  expect(states.map((block) => load(block).state.username)).toEqual(['vss-operator', 'vss-operator']);
});

test('its links lead somewhere', () => {
  const links = [...guide.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link);

  expect(links.filter((link) => !existsSync(join(dirname(file), link)))).toEqual([]);
});
