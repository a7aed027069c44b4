import { afterEach, expect, test } from '@jest/globals';
import { closeInsides, type Inside, startInside } from './inside.ts';

afterEach(closeInsides);

async function sumOf(histogram: Inside['metrics']['entryToQueueSeconds']): Promise<number | undefined> {
  return (await histogram.get()).values.find(({ metricName }) => metricName?.endsWith('_sum'))?.value;
}

test('an entry that several audit devices send makes its job once', async () => {
  const { state, hear } = await startInside();

  await hear({ version: 3 }, { version: 3, time: '2026-03-01T12:00:00.123999999Z' });
  await hear({ version: 3 });

  expect(state.added).toHaveLength(1);
});

test.each([
  { what: 'of another request', other: { id: 'another' } },
  { what: 'of another version', other: { version: 4 } },
  { what: 'of another path', other: { path: 'secret/data/app/other' } },
])('an entry $what is no repetition', async ({ other }) => {
  const { state, hear } = await startInside();

  await hear({ version: 3 });
  await hear({ version: 3, ...other });

  expect(state.added).toHaveLength(2);
});

test('without a request id nothing is a repetition', async () => {
  const { state, hear } = await startInside();

  await hear({ id: '', version: 3 });
  await hear({ id: '', version: 3 });

  expect(state.added).toHaveLength(2);
});

test('of entries that tell no version, the time tells them apart', async () => {
  const { state, hear } = await startInside();

  await hear({ operation: 'delete' });
  await hear({ operation: 'delete' });
  await hear({ operation: 'delete', time: '2026-03-01T12:00:01Z' });

  expect(state.added).toHaveLength(2);
});

test('a repetition of an entry whose job was not taken is another chance', async () => {
  const { state, hear } = await startInside();
  state.mode = 'refusing';
  await expect(hear({ version: 3 })).rejects.toThrow('the queue took no jobs');
  state.mode = 'up';

  await hear({ version: 3 });

  expect(state.added).toHaveLength(1);
});

test('after a minute it is no repetition any more', async () => {
  const { state, hear, clock } = await startInside();
  await hear({ version: 3 });
  await clock.advance(60_000);

  await hear({ version: 3 });

  expect(state.added).toHaveLength(2);
});

test('how long a wanted entry took until it was here, and until the queue had its job, is observed', async () => {
  const { metrics, hear } = await startInside();

  await hear({ version: 3 }, { path: 'elsewhere/data/app', mountPoint: 'elsewhere/' });

  expect(await sumOf(metrics.entryToReceiptSeconds)).toBeCloseTo(9.877);
  expect(await sumOf(metrics.entryToQueueSeconds)).toBeCloseTo(9.877);
});
