import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Schedule } from '../../src/operator/schedule.ts';

const day = 86_400_000;

let due: string[];
let schedule: Schedule;

beforeEach(() => {
  jest.useFakeTimers({ now: 1_000_000 });
  due = [];
  schedule = new Schedule({ onDue: (key) => due.push(key), now: Date.now });
});

afterEach(() => {
  schedule.close();
  jest.useRealTimers();
});

function planIn(key: string, ms: number): void {
  schedule.plan(key, Date.now() + ms);
}

describe('Schedule', () => {
  test('calls back each key when it is due, once', () => {
    planIn('b', 2_000);
    planIn('a', 1_000);

    jest.advanceTimersByTime(999);
    const early = [...due];
    jest.advanceTimersByTime(1);
    const first = [...due];
    jest.advanceTimersByTime(day);

    expect([early, first, due]).toEqual([[], ['a'], ['a', 'b']]);
  });

  test('calls back several that are due together, with one timer for all', () => {
    for (const key of ['a', 'b', 'c']) planIn(key, 1_000);
    const timers = jest.getTimerCount();

    jest.advanceTimersByTime(1_000);

    expect([timers, due]).toEqual([1, ['a', 'b', 'c']]);
  });

  test('a new plan replaces the old one, sooner or later', () => {
    planIn('a', 1_000);
    planIn('a', 5_000);
    planIn('b', 9_000);
    planIn('b', 500);

    jest.advanceTimersByTime(4_999);
    const before = [...due];
    jest.advanceTimersByTime(5_000);

    expect([before, due]).toEqual([['b'], ['b', 'a']]);
  });

  test('a plan can be taken back', () => {
    planIn('a', 1_000);
    schedule.plan('a', null);

    jest.advanceTimersByTime(day);

    expect(due).toEqual([]);
  });

  test('what is due already comes at once', () => {
    planIn('a', -5_000);

    jest.advanceTimersByTime(0);

    expect(due).toEqual(['a']);
  });

  test('everything planned can be forgotten at once, and planned anew', () => {
    planIn('a', 1_000);
    planIn('b', 2_000);
    schedule.clear();
    planIn('b', 3_000);

    jest.advanceTimersByTime(day);

    expect(due).toEqual(['b']);
  });

  test('a wait longer than a timer can count comes neither early nor never', () => {
    planIn('a', 60 * day);

    jest.advanceTimersByTime(60 * day - 1);
    const early = [...due];
    jest.advanceTimersByTime(1);

    expect([early, due]).toEqual([[], ['a']]);
  });

  test('a key may plan itself anew when it is called back', () => {
    schedule = new Schedule({
      now: Date.now,
      onDue: (key) => {
        due.push(key);
        planIn(key, 1_000);
      },
    });
    planIn('a', 1_000);

    jest.advanceTimersByTime(3_000);

    expect(due).toEqual(['a', 'a', 'a']);
  });

  test('is silent once it is closed, and takes no more plans', () => {
    planIn('a', 1_000);
    schedule.close();
    planIn('b', 500);

    jest.advanceTimersByTime(day);

    expect(due).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
