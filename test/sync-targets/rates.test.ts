import { describe, expect, test } from '@jest/globals';
import { rates as aws } from '../../src/sync-targets/aws/rates.ts';
import { rates as azure } from '../../src/sync-targets/azure/rates.ts';
import type { Rate } from '../../src/sync-targets/contract.ts';
import { stepMs } from '../../src/sync-targets/gcp/old-versions.ts';
import { rates as gcp } from '../../src/sync-targets/gcp/rates.ts';
import { markStepMs } from '../../src/sync-targets/gcp/state-marks.ts';

/** What a bucket that was full gives within so many seconds. */
function within(seconds: number, { perSecond, burst }: Rate): number {
  return burst + perSecond * seconds;
}

describe('what is asked of a store, as its vendor counts it', () => {
  test('AWS: 50 writes and 100 pages of a listing a second', () => {
    expect(aws.write.perSecond).toBeLessThanOrEqual(0.8 * 50);
    expect(aws.write.burst).toBeLessThanOrEqual(50);
    expect(aws.list.perSecond * 10).toBeLessThanOrEqual(0.8 * 100);
    expect(within(1, aws.read)).toBeLessThanOrEqual(0.8 * 10_000);
  });

  test('Azure: 300 new versions and 4,000 other calls in 10 seconds', () => {
    expect(azure.write.perSecond * 10).toBeLessThanOrEqual(0.8 * 300);
    expect(within(10, azure.write)).toBeLessThanOrEqual(300);
    expect(2 * within(10, azure.read) + 40 * within(10, azure.list)).toBeLessThanOrEqual(0.8 * 4000);
  });

  test('GCP: 600 calls that write, two for a copy, and 600 that read in a minute', () => {
    expect(2 * gcp.write.perSecond * 60).toBeLessThanOrEqual(0.8 * 600);
    expect(2 * within(60, gcp.read) + within(60, gcp.list)).toBeLessThanOrEqual(0.8 * 600);
  });

  test('GCP: no more, together with what its target does on its own time', () => {
    const [oldVersions, marks] = [60_000 / stepMs, 60_000 / markStepMs];

    // A look at a secret and its versions, or one destruction; a look at a secret and a version, and its mark.
    expect(2 * within(60, gcp.read) + within(60, gcp.list) + 2 * oldVersions + 2 * marks).toBeLessThanOrEqual(600);
    expect(2 * within(60, gcp.write) + oldVersions + marks).toBeLessThanOrEqual(600);
  });
});
