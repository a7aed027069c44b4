import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chooseProgram, findVersion, isAtLeast, type Sighting } from './choose.ts';

function sighting(changes: Partial<Sighting>): Sighting {
  return { program: 'kubectl', minimum: '1.28', named: undefined, onPath: [], cached: undefined, ...changes };
}

const named = { variable: 'KUBEBUILDER_ASSETS', path: '/assets/kubectl', exists: true };
const onPath = [{ path: '/usr/bin/kubectl', version: '1.32.4' }];
const cached = '/cache/kubectl';

describe('of the programs that were found', () => {
  test('the one that a variable names comes first', () => {
    expect(chooseProgram(sighting({ named, onPath, cached }))).toEqual({
      from: 'environment',
      path: '/assets/kubectl',
    });
  });

  test('a variable that names nothing is a mistake, whatever else was found', () => {
    const choice = chooseProgram(sighting({ named: { ...named, exists: false }, onPath, cached }));

    const sentence =
      'KUBEBUILDER_ASSETS says that kubectl is /assets/kubectl, which is no program: correct the variable or unset it.';
    expect(choice).toEqual({ from: 'mistake', sentence });
  });

  test('PATH comes before an earlier build', () => {
    expect(chooseProgram(sighting({ onPath, cached }))).toEqual({ from: 'PATH', path: '/usr/bin/kubectl' });
  });

  test('one on PATH that is too old is passed over for the next on PATH', () => {
    const choice = chooseProgram(
      sighting({ onPath: [{ path: '/bin/kubectl', version: '1.20.2' }, ...onPath], cached }),
    );

    expect(choice).toEqual({ from: 'PATH', path: '/usr/bin/kubectl' });
  });

  test('an earlier build is taken where PATH has none that will do', () => {
    const choice = chooseProgram(sighting({ onPath: [{ path: '/bin/kubectl', version: undefined }], cached }));

    expect(choice).toEqual({ from: 'cache', path: cached });
  });

  test.each([
    [[], 'PATH has no kubectl'],
    [
      [{ path: '/bin/kubectl', version: '1.20.2' }],
      '/bin/kubectl is version 1.20.2 and 1.28 is the oldest that will do',
    ],
    [[{ path: '/bin/kubectl', version: undefined }], '/bin/kubectl does not tell its version'],
  ])('none will do: %j', (found, why) => {
    expect(chooseProgram(sighting({ onPath: found }))).toEqual({ from: 'nowhere', why });
  });
});

describe('versions', () => {
  test.each([
    ['Vault v1.21.0 (abc1234567), built 2025-10-21T18:25:41Z', '1.21.0'],
    ['Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64', '7.0.15'],
    ['Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64', '9.1.2'],
    ['Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0', '1.32.4'],
    ['go version go1.26.8 linux/amd64', '1.26.8'],
    ['Kubernetes v1.34.3', '1.34.3'],
    ['v3.22.0+g8f2a1b', '3.22.0'],
    ['no idea', undefined],
  ])('are found in %j', (text, version) => {
    expect(findVersion(text)).toBe(version);
  });

  test('are compared part by part, as numbers', () => {
    const part = fc.nat(40);
    fc.assert(
      fc.property(fc.tuple(part, part, part), fc.tuple(part, part), (have, want) => {
        const asNumber = (parts: readonly number[]) => (parts[0] ?? 0) * 100 + (parts[1] ?? 0);
        return isAtLeast(have.join('.'), want.join('.')) === asNumber(have) >= asNumber(want);
      }),
      { seed: 3 },
    );
  });
});
