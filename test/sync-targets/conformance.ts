import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Target } from '../../src/sync-targets/contract.ts';
import { copies } from './conformance/copies.ts';
import { drift, skipFields } from './conformance/drift.ts';
import { failures } from './conformance/failures.ts';
import { interruptions } from './conformance/interruptions.ts';
import { limits, samples } from './conformance/limits.ts';
import { others } from './conformance/others.ts';
import { rivals } from './conformance/rivals.ts';
import { selectCases } from './conformance/selection.ts';
import {
  canary,
  createContext,
  createManualClock,
  desire,
  everythingAbout,
  type Field,
  noteErrors,
  type StoreUnderTest,
} from './conformance/under-test.ts';
import { errorOf, expectRequests, newOwner, type World } from './conformance/world.ts';

const withoutFaults = { ...copies, ...others, ...rivals, ...limits };
const withFaults = { ...failures, ...interruptions };

type Title = keyof typeof withoutFaults | keyof typeof withFaults;

/** All cases that need a store whose faults can be switched on, for a store where they cannot, and why. */
export function skipFaults(reason: string): Readonly<Partial<Record<Title, string>>> {
  return Object.fromEntries(Object.keys(withFaults).map((title) => [title, reason]));
}

export interface ConformanceOptions<Settings> {
  readonly name: string;
  open(): Promise<StoreUnderTest<Settings>>;
  /** Cases that this store cannot pass, each with the reason, which is shown. */
  readonly skip?: Readonly<Partial<Record<Title, string>>>;
  /** Fields that this store does not have, each with the reason; their cases are skipped. */
  readonly lacks: Readonly<Partial<Record<Field, string>>>;
}

/** Milliseconds; each case ends by its own signal long before. */
const longest = 180_000;

/** What every target must do; each runs these cases against its own store. */
export function targetConformance<Settings>(options: ConformanceOptions<Settings>): void {
  const { name, open, skip = {}, lacks } = options;
  const selected = selectCases({ ...withoutFaults, ...withFaults, ...drift }, { ...skip, ...skipFields(lacks) });
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
        signal: AbortSignal.timeout(underTest.patienceMs ?? 100_000),
        // Neither ambiguous with an ARN (a hyphen and six characters) nor too long for anyone.
        newName: () => `${underTest.prefix ?? ''}copy-${++names}-${uniqueness}`,
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
    }, 600_000);

    for (const { title, ...how } of selected) {
      if ('run' in how) test(title, () => how.run(createWorld()), longest);
      else test.skip(`${title} (skipped: ${how.reason})`, () => undefined);
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
          await expectRequests(world, 0);
        }
      },
      longest,
    );
  });
}
