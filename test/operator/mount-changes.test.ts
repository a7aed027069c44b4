import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createLogger } from '../../src/logging.ts';
import { leaveMountWord, MountChanges } from '../../src/operator/mount-changes.ts';
import { createMemoryState, type MemoryState } from '../../src/state/memory/state.ts';
import type { CopyRecord } from '../../src/sync/ports.ts';
import { eventually } from '../peers/processes.ts';

const logger = createLogger({ level: 'silent' });

let state: MemoryState<CopyRecord>;
let changes: MountChanges;
let published: number;
let looks: number;
let failures: number;

beforeEach(() => {
  state = createMemoryState<CopyRecord>({ log: logger });
  published = looks = failures = 0;
  const recall: typeof state.ledger.recall = async (...asked) => {
    const known = await state.ledger.recall(...asked);
    looks += 1;
    return known;
  };
  const ledger = Object.assign(Object.create(state.ledger), { recall });
  const publish = async () => {
    published += 1;
    if (failures-- > 0) throw new Error('Redis is away');
  };
  changes = new MountChanges({ ledger, logger, publish });
});

afterEach(async () => {
  await changes.close();
  await state.close();
});

async function untilLooked(): Promise<void> {
  const before = looks;
  await eventually(() => looks > before + 1, { what: 'another look' });
}

test('whichever replica leaves word, the leader publishes what mounts are now, once', async () => {
  changes.start();
  await untilLooked();
  const before = published;

  await leaveMountWord(state.ledger, '1');
  await eventually(() => published > 0, { what: 'a publication' });
  await untilLooked();

  expect([before, published]).toEqual([0, 1]);
});

test('what could not be published is published at the next look', async () => {
  failures = 1;
  changes.start();
  await untilLooked();

  await leaveMountWord(state.ledger, '1');

  await eventually(() => published === 2, { what: 'another publication' });
});

test('who does not lead any more looks no longer, and who leads anew begins with a publication of its own', async () => {
  changes.start();
  await untilLooked();
  changes.stop();
  await leaveMountWord(state.ledger, '1');

  changes.start();
  await untilLooked();

  expect(published).toBe(0);
});
