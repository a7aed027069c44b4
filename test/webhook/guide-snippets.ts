import { readFileSync } from 'node:fs';

/** The first block of settings under a heading of docs/guides/senders.md, with other addresses, paths and tokens in it. */
export function settingsInGuide(heading: string, changes: Readonly<Record<string, string>>): string {
  const guide = readFileSync('docs/guides/senders.md', 'utf8');
  const section = guide.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  let settings = /```\w*\n([\s\S]*?)```/.exec(section)?.[1];
  if (settings === undefined) throw new Error(`the guide has no settings under "${heading}"`);
  for (const [from, to] of Object.entries(changes)) {
    if (!settings.includes(from)) throw new Error(`the settings under "${heading}" do not hold ${from}`);
    settings = settings.replaceAll(from, to);
  }
  return settings;
}
