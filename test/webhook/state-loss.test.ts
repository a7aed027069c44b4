import { expect, test } from '@jest/globals';
import { eventually, fakeClock, jobsOf, startWorld } from './fakes.ts';

test('when the shared state may have lost what it took, each Vault is reconciled: nobody sends those events again', async () => {
  const clock = fakeClock();
  const world = await startWorld({ clock });

  world.state.lose();
  world.state.lose();
  await clock.advance(300_000);
  await eventually(() => world.state.added.length > 0, 'the reconcile');
  await clock.advance(300_000);

  expect(jobsOf(world.state.added)).toEqual(['mount main  ']);
  expect(world.logged.join('')).toContain('"why":"state"');
  await world.webhook.close(0);
  world.state.lose();
  expect(world.state.added).toHaveLength(1);
});
