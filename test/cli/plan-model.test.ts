import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Destination, VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { FakeWorld } from '../sync/fake-world.ts';
import { someSync } from '../sync/some-sync.ts';
import { classesOf, plan, run } from './run-world.ts';

/** Worlds of a few secrets, copies and syncs in which anything may have happened: a plan is what the next run does. */

const secrets = ['app/a', 'app/b', 'lib/c'];
const copies = ['app/a', 'app/b', 'shared'];

const destinations = fc.constantFrom<readonly Destination[]>(
  [{ aws: {} }],
  [{ aws: { name: 'shared' } }],
  [{ aws: { tags: { team: 'a' } } }, { gcp: {} }],
  [{ azure: { vaultName: 'team-a', name: '{{ .metadata.app }}' } }],
  [{ gcp: { granularity: 'key', name: 'shared-$key' } }],
);

const sync = fc
  .record({
    path: fc.constantFrom('secret/app/a', 'secret/app/(.*)', 'secret/lib/c', 'secret/(.*)/(.*)'),
    dest: destinations,
    deletionPolicy: fc.constantFrom('Delete', 'Retain'),
    removalPolicy: fc.constantFrom('Delete', 'Retain'),
    adoptionPolicy: fc.constantFrom('Never', 'IfUnowned', 'Always'),
    driftPolicy: fc.constantFrom('Ignore', 'Report', 'Repair'),
    updatePolicy: fc.constantFrom('Always', 'IfNotExists'),
    maxDeletions: fc.constantFrom(0, 1, 100),
    dryRun: fc.integer({ max: 6 }).map((die) => die === 0),
    suspend: fc.integer({ max: 6 }).map((die) => die === 0),
  })
  .map((wishes) => wishes as Parameters<typeof someSync>[0]);

type Event =
  | { readonly what: 'put' | 'delete' | 'destroy'; readonly secret: string; readonly value: string }
  | { readonly what: 'tamper' | 'vanish' | 'place' | 'expire'; readonly copy: string }
  | { readonly what: 'run' | 'wait' };

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    what: fc.constantFrom('put', 'put', 'put', 'delete', 'destroy'),
    secret: fc.constantFrom(...secrets),
    value: fc.constantFrom('1', '2', '3', 'x'.repeat(2_000)),
  }),
  fc.record({ what: fc.constantFrom('tamper', 'vanish', 'place', 'expire'), copy: fc.constantFrom(...copies) }),
  fc.record({ what: fc.constantFrom('run', 'run', 'wait') }),
);

async function follow(world: FakeWorld, syncs: readonly VaultSecretSync[], event: Event): Promise<void> {
  world.clock.now += 1_000;
  switch (event.what) {
    case 'put':
      return world.vault.put(event.secret, { k: event.value }, { app: event.secret.replace('/', '-') });
    case 'delete':
    case 'destroy':
      return world.vault[event.what](event.secret);
    case 'run':
      await run(world, syncs);
      return;
    case 'wait':
      world.clock.now += 2 * 60 * 60_000;
      return;
    case 'place':
      return world.aws.place(event.copy);
    default: {
      const found = world.aws.copies.get(event.copy);
      if (event.what === 'vanish') world.aws.copies.delete(event.copy);
      else if (found && event.what === 'tamper') world.aws.place(event.copy, { ...found, versionId: 'tampered' });
      else if (found) world.aws.place(event.copy, { ...found, existence: 'pendingDeletion' });
    }
  }
}

test.each([{ remembers: true }, { remembers: false }])(
  'whatever has happened, a plan is what the next run does ($remembers)',
  async ({ remembers }) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(sync, { minLength: 1, maxLength: 3 }),
        fc.array(fc.option(sync, { freq: 2 }), { minLength: 3, maxLength: 3 }),
        fc.array(event, { maxLength: 8 }),
        async (before, edits, events) => {
          const world = new FakeWorld();
          const syncsOf = (all: typeof before, generation: number) =>
            all.map((wishes, index) => someSync(wishes, { name: `sync-${index}`, generation, createdAt: index % 2 }));
          for (const secret of secrets) await follow(world, [], { what: 'put', secret, value: '0' });
          for (const one of [{ what: 'run' } as const, ...events]) await follow(world, syncsOf(before, 1), one);
          if (!remembers) await loseMemory(world);
          const syncs = syncsOf(
            before.map((wishes, index) => edits[index] ?? wishes),
            2,
          );
          forbidWrites(world);

          const planned = await plan(world, syncs, { remembers });
          allowWrites(world);
          const done = await run(world, syncs);

          expect(classesOf(planned)).toEqual(classesOf(done));
        },
      ),
      { seed: 20_261_124, numRuns: 200 },
    );
  },
);

/** Neither copies nor deletions are remembered any more. */
async function loseMemory(world: FakeWorld): Promise<void> {
  world.ledger.lose();
  await follow(world, [], { what: 'wait' });
}

function forbidWrites({ stores }: FakeWorld): void {
  for (const { failing } of stores) failing.set('write', new Error('written')).set('remove', new Error('removed'));
}

function allowWrites({ stores }: FakeWorld): void {
  for (const { failing } of stores) failing.clear();
}
