import { describe, expect, test } from '@jest/globals';
import { judge } from '../../src/webhook/audit/judge.ts';
import { RecentChanges } from '../../src/webhook/recent-changes.ts';
import { auditEntry } from './entries.ts';
import { fakeClock } from './fakes.ts';

function changeOf(name: string) {
  return { vault: 'main', verdict: judge(auditEntry({ path: `secret/data/${name}` })) };
}

describe('RecentChanges', () => {
  test('forgets what is older than a minute', async () => {
    const clock = fakeClock();
    const changes = new RecentChanges(clock);
    changes.keep(changeOf('old'));
    await clock.advance(60_001);
    changes.keep(changeOf('new'));

    const none = changes.takeWanted(() => false);
    const sizeAfter = changes.size;
    const wanted = changes.takeWanted(() => true);

    expect(none).toEqual([]);
    expect(sizeAfter).toBe(1);
    expect(wanted.map(({ verdict }) => verdict.path)).toEqual(['secret/data/new']);
  });

  test('keeps a path that changes again once, and for a minute from then', async () => {
    const clock = fakeClock();
    const changes = new RecentChanges(clock);
    changes.keep(changeOf('app'));
    await clock.advance(40_000);
    changes.keep(changeOf('app'));
    await clock.advance(40_000);

    const wanted = changes.takeWanted(() => true);

    expect(wanted).toHaveLength(1);
    expect(changes.size).toBe(0);
  });

  test('keeps the later of two, in whatever order they come', () => {
    const changes = new RecentChanges(fakeClock());
    const { vault, verdict } = changeOf('app');
    changes.keep({ vault, verdict: { ...verdict, version: 2 }, heardAt: fakeClock().now() - 1 });
    changes.keep({ vault, verdict: { ...verdict, version: 1 }, heardAt: fakeClock().now() - 2 });

    const wanted = changes.takeWanted(() => true);

    expect(wanted.map((change) => change.verdict.version)).toEqual([2]);
  });

  test('keeps the latest ten thousand', () => {
    const changes = new RecentChanges(fakeClock());

    for (let index = 0; index < 10_001; index++) changes.keep(changeOf(String(index)));

    const wanted = changes.takeWanted(() => true);
    expect(wanted).toHaveLength(10_000);
    expect(wanted[0]?.verdict.path).toBe('secret/data/1');
  });

  test('keeps no more than eight million characters', () => {
    const changes = new RecentChanges(fakeClock());

    for (let index = 0; index < 1_000; index++) changes.keep(changeOf(`${index}/${'x'.repeat(20_000)}`));
    for (let index = 0; index < 1_000; index++) changes.keep(changeOf(String(index)));

    expect(changes.size).toBeLessThan(1_400);
    expect(changes.takeWanted(() => true).at(-1)?.verdict.path).toBe('secret/data/999');
  });
});
