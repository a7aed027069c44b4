import { describe, expect, test } from '@jest/globals';
import { type JestReport, sayWhatWasSkipped } from '../../scripts/skipped-tests.ts';

type Title = readonly [status: string, ...titles: string[]];

/** A report on one file; the last title of each test is its own. */
function reportOf(...tests: readonly Title[]): JestReport {
  const assertionResults = tests.map(([status, ...titles]) => ({
    status,
    title: titles.at(-1) ?? '',
    ancestorTitles: titles.slice(0, -1),
  }));
  return { testResults: [{ name: '/home/ada/test/webhook/one.test.ts', assertionResults }] };
}

describe('what the gate says of skipped tests', () => {
  test('counts them by the reason that their title or that of their group tells', () => {
    const image = 'the image (skipped: no buildah (Debian: apt-get install buildah))';

    const lines = sayWhatWasSkipped(
      reportOf(
        ['pending', 'AWS (skipped: no region)'],
        ['pending', image, 'runs'],
        ['pending', image, 'stops'],
        ['passed', 'the chart', 'renders (skipped: never)'],
      ),
    );

    expect(lines).toEqual(['3 skipped:', '  2  no buildah (Debian: apt-get install buildah)', '  1  no region']);
  });

  test('names the file where no reason is given', () => {
    const lines = sayWhatWasSkipped(reportOf(['pending', 'something']));

    expect(lines).toEqual(['1 skipped:', '  1  no reason given in webhook/one.test.ts']);
  });

  test('is nothing where none was skipped', () => {
    expect(sayWhatWasSkipped(reportOf(['passed', 'something'], ['failed', 'another']))).toEqual([]);
  });
});
