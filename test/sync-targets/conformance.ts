import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Target } from '../../src/sync-targets/contract.ts';
import { copies } from './conformance/copies.ts';
import { failures } from './conformance/failures.ts';
import { limits, samples } from './conformance/limits.ts';
import { others } from './conformance/others.ts';
import {
  canary,
  createContext,
  createManualClock,
  desire,
  everythingAbout,
  noteErrors,
  type StoreUnderTest,
} from './conformance/under-test.ts';
import { type Cases, errorOf, newOwner, type World } from './conformance/world.ts';

const cases = { ...copies, ...others, ...limits, ...failures };

export interface ConformanceOptions<Settings> {
  readonly name: string;
  open(): Promise<StoreUnderTest<Settings>>;
  /** Cases that this store cannot pass, each with the reason, which is shown. */
  readonly skip?: Readonly<Partial<Record<keyof typeof cases, string>>>;
}

/** What every target must do; each runs these cases against its own store. */
export function targetConformance<Settings>({ name, open, skip = {} }: ConformanceOptions<Settings>): void {
  describe(`${name} does what every target does`, () => {
    const errors: unknown[] = [];
    const opened: Target[] = [];
    const clock = createManualClock(Date.now());
    const uniqueness = randomBytes(4).toString('hex');
    let underTest: StoreUnderTest<Settings>;
    let names = 0;

    const openTarget = (destination = underTest.destination({})): Target => {
      const { kind, settings } = underTest;
      const target = noteErrors(kind.open(destination, createContext({ settings, clock, errors })), errors);
      opened.push(target);
      return target;
    };
    const createWorld = (): World => {
      const owner = newOwner();
      return {
        ...underTest,
        target: opened[0] ?? openTarget(),
        clock,
        signal: AbortSignal.timeout(20_000),
        // Neither ambiguous with an ARN (a hyphen and six characters) nor too long for anyone.
        newName: () => `copy-${++names}-${uniqueness}`,
        desire: (wish) => desire({ owner, destination: underTest.destination({}), ...wish }),
        openAnother: openTarget,
      };
    };

    beforeAll(async () => {
      underTest = await open();
    }, 600_000);

    afterEach(async () => {
      await underTest.store.clearFaults();
      const texts = errors.splice(0).map(everythingAbout);
      expect(texts.filter((text) => text.includes(canary))).toEqual([]);
    });

    afterAll(async () => {
      for (const target of opened) await target.close?.();
      await underTest.close();
    });

    for (const [title, run] of Object.entries<Cases[string]>(cases)) {
      const reason = skip[title as keyof typeof cases];
      if (reason === undefined) test(title, () => run(createWorld()));
      else test.skip(`${title} (skipped: ${reason})`, () => undefined);
    }

    test.each(Object.keys(samples))(
      'copies %s exactly, or refuses it with the limit before any call',
      async (sample) => {
        const world = createWorld();
        const desired = world.desire({ name: world.newName(), value: samples[sample] ?? '' });
        await world.store.forgetRequests();

        const refusal = errorOf(() => world.target.preflight(desired));
        if (refusal === null) await world.target.write(desired, { kind: 'absent' }, world.signal);

        if (refusal === null) {
          expect(await world.store.valueOf(desired.name)).toBe(desired.value);
        } else {
          expect(refusal).toMatchObject({ remedy: 'FixSpec', message: expect.stringMatching(/\d/) });
          expect(await world.store.requests()).toEqual([]);
        }
      },
    );
  });
}
