import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

/** What no entry names is a promise too: each row of its table names the test that shows it. */
const page = readFileSync('docs/reference/unheard.md', 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| change '))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map((cells) => ({ change: cells[1] ?? '', shownBy: cells[5] ?? '' }));
const shown = rows.map(({ shownBy }) => shownBy);

/** `file.test.ts`: title, or the beginning of a title in `test/e2e/unheard.test.ts`. */
function placeOf(shownBy: string): { readonly file: string; readonly title: string } {
  const [, name, title] = /^`([a-z-]+\.test\.ts)`: (.+)$/.exec(shownBy) ?? [];
  return { file: name ?? 'unheard.test.ts', title: title ?? shownBy };
}

function titlesIn(name: string): string[] {
  const texts = globSync(`test/{e2e,webhook}/${name}`).map((file) => readFileSync(file, 'utf8'));
  return texts.flatMap((text) => [...text.matchAll(/(?:\btest|\]\))\(\s*'([^']+)'/g)].map(([, title = '']) => title));
}

describe('what no entry names', () => {
  test('has a table whose rows end with a test', () => {
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.filter(({ shownBy }) => shownBy === '' || shownBy === '–')).toEqual([]);
  });

  test.each([...new Set(shown)])('is shown by "%s", which there is', (shownBy) => {
    const { file, title } = placeOf(shownBy);

    expect(titlesIn(file).filter((known) => known.startsWith(title))).toHaveLength(1);
  });

  test('is in the table wherever a test with a real Vault shows it', () => {
    const unnamed = titlesIn('unheard.test.ts').filter((title) => !shown.some((name) => title.startsWith(name)));

    expect(unnamed).toEqual([]);
  });
});
