import { appendFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { auditLine } from '../entries.ts';
import { eventually, jobsOf } from '../fakes.ts';
import { makeTailWorld, type TailWorld } from './tail-world.ts';

let world: TailWorld;

beforeEach(async () => {
  world = await makeTailWorld();
});

afterEach(() => world.close());

test('nothing of what stands in a file that is followed is logged, whatever becomes of it', async () => {
  const canary = 'canary-0f9d';
  const line = auditLine({ path: `secret/data/${canary}`, requestData: canary });
  const texts = [
    line,
    `${line.slice(0, -20)}\n`,
    `${canary}\n`,
    `{"a":${'['.repeat(5_000)}"${canary}"${']'.repeat(5_000)}}\n`,
    auditLine({ requestData: canary.repeat(2_000) }),
  ];
  await appendFile(world.log, '');
  await world.start({ maxLineBytes: 10_000 });

  for (const text of texts) await appendFile(world.log, text);
  await world.change('before-rotation');
  await eventually(() => jobsOf(world.state.added).includes('path main  secret before-rotation'), 'the last line');
  await world.rotateTo('audit.log.1');
  await appendFile(world.log, `${canary}\n`);
  await world.change('after-rotation');
  await eventually(() => jobsOf(world.state.added).includes('path main  secret after-rotation'), 'the next file');
  world.state.mode = 'refusing';
  const before = world.state.calls;
  await world.change(`${canary}-2`);
  await eventually(() => world.state.calls > before, 'the queue to be tried');
  await world.stop();

  expect(jobsOf(world.state.added)).toContain(`path main  secret ${canary}`);
  expect(world.logged.length).toBeGreaterThan(1);
  expect(world.logged.join('')).not.toContain(canary);
});
