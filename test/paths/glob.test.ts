import { describe, expect, test } from '@jest/globals';
import { compileGlob } from '../../src/paths/glob.ts';

describe('compileGlob', () => {
  test.each([
    ['secret/app', ['secret/app'], ['secret/app2', 'my/secret/app', 'secret']],
    ['secret/*', ['secret/app', 'secret/'], ['secret/app/db', 'secret']],
    ['secret/**', ['secret/app', 'secret/app/db', 'secret/'], ['secrets/app', 'secret']],
    ['team-*', ['team-a', 'team-'], ['team-a/b', 'xteam-a']],
    ['*/db', ['app/db', '/db'], ['a/b/db']],
    ['**', ['', 'a', 'a/b\nc'], []],
    ['*', ['', 'a'], ['a/b']],
    ['a.b', ['a.b'], ['axb']],
    ['a+(b)[c]{d}^$|?\\', ['a+(b)[c]{d}^$|?\\'], ['aa']],
    ['aws:eu-west-1:/team-a/**', ['aws:eu-west-1:/team-a/db'], ['aws:eu-west-1:123456789012/team-a/db']],
  ])('%s', (glob, matching, others) => {
    const matches = compileGlob(glob);

    expect([...matching, ...others].filter(matches)).toEqual(matching);
  });

  test('many stars take linear time', () => {
    const matches = compileGlob('*a'.repeat(100));
    const startedAt = performance.now();

    expect(matches(`${'a'.repeat(20_000)}!`)).toBe(false);

    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});
