import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { WebhookSettings } from '../../src/webhook/index.ts';
import { auditLine } from './entries.ts';
import { eventually, type FakeClock, fakeClock, postEvents, startWorld, type World } from './fakes.ts';

let folder: string;
let file: string;
const worlds: World[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vss-tokens-'));
  file = join(folder, 'token');
});

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.webhook.close(100);
  await rm(folder, { recursive: true });
});

async function start(settings: Partial<WebhookSettings>): Promise<{ world: World; clock: FakeClock }> {
  const clock = fakeClock(Date.now());
  const world = await startWorld({ clock, settings });
  worlds.push(world);
  return { world, clock };
}

async function statusOf(world: World, token: string): Promise<number> {
  const { status } = await postEvents(world, auditLine(), { Authorization: `Bearer ${token}` });
  return status;
}

async function statusesOf(world: World, ...tokens: string[]): Promise<number[]> {
  const statuses: number[] = [];
  for (const token of tokens) statuses.push(await statusOf(world, token));
  return statuses;
}

/** Moves the clock until the log says something: looking at files takes real time. */
async function untilLogged(world: World, clock: FakeClock, text: string): Promise<void> {
  await eventually(async () => {
    await clock.advance(5_000);
    return world.logged.join('').includes(text);
  }, text);
}

describe('tokens from a file', () => {
  test('are exchanged without a restart, and for a while both are let in', async () => {
    await writeFile(file, 'first-token\n');
    const { world, clock } = await start({ tokens: [{ tokenFile: file }] });
    const before = await statusesOf(world, 'first-token', 'second-token');

    await writeFile(file, 'first-token\n\nsecond-token\r\n');
    await untilLogged(world, clock, '"tokens":2');
    const during = await statusesOf(world, 'first-token', 'second-token');
    // The log says so once a minute.
    await clock.advance(60_000);
    await writeFile(file, 'second-token');
    await untilLogged(world, clock, '"tokens":1');
    const later = await statusesOf(world, 'first-token', 'second-token');

    expect([before, during, later]).toEqual([
      [200, 401],
      [200, 200],
      [401, 200],
    ]);
    expect(world.logged.join('')).not.toMatch(/first-token|second-token/);
  });

  test.each([
    ['is empty', async () => writeFile(file, '\n')],
    ['is gone', async () => rm(file)],
  ])('stay in force while it %s', async (what, spoil) => {
    await writeFile(file, 'the-token');
    const { world, clock } = await start({ tokens: [{ tokenFile: file }] });

    await spoil();
    await untilLogged(world, clock, 'those it held before are still let in');
    const meanwhile = await statusOf(world, 'the-token');
    await writeFile(file, 'the-next');
    await untilLogged(world, clock, 'have changed, and were read');

    expect(what).toBeTruthy();
    expect(meanwhile).toBe(200);
  });

  test('are for the Vault of their entry only, beside tokens that stand in the settings', async () => {
    await writeFile(file, 'token-of-main');
    const { world } = await start({
      vaults: ['main', 'other'].map((name) => ({ name, address: `https://${name}.example.com`, aliases: [] })),
      tokens: [
        { tokenFile: file, vault: 'main' },
        { token: 'token-of-other', vault: 'other' },
      ],
    });
    const post = async (token: string, path: string) =>
      (await postEvents(world, auditLine(), { Authorization: `Bearer ${token}` }, path)).status;

    const statuses = [
      await post('token-of-main', '/events/main'),
      await post('token-of-main', '/events/other'),
      await post('token-of-other', '/events'),
      await post('token-of-other', '/events/main'),
    ];

    expect(statuses).toEqual([200, 403, 200, 403]);
  });

  test.each([
    ['is missing', async () => undefined, 'cannot be read (ENOENT)'],
    ['is empty', async () => writeFile(file, ' \n'), 'is empty'],
  ])('stop the start when it %s', async (_title, prepare, message) => {
    await prepare();

    await expect(start({ tokens: [{ token: 'a' }, { tokenFile: file }] })).rejects.toMatchObject({
      name: 'InputError',
      message: `webhook.tokens[1].tokenFile: the file ${file} ${message}`,
    });
  });
});
