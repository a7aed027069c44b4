import { RE2JS } from 're2js';

/** A compiled glob: `*` is anything within a segment, `**` anything, every other character itself. */
export function compileGlob(glob: string): (text: string) => boolean {
  const expression = glob.split(/(\*\*|\*)/).map((part) => {
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    return RE2JS.quote(part);
  });
  const regex = RE2JS.compile(`^(?:${expression.join('')})$`, RE2JS.DOTALL);
  return (text) => regex.test(text);
}
