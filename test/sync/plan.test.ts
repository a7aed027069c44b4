import { describe, expect, test } from '@jest/globals';
import type { Plan } from '../../src/sync/plan.ts';
import { planCopy } from '../../src/sync/plan.ts';
import type { Difference, Observed } from '../../src/sync-targets/contract.ts';

const ours = 'our-mark';
const live: Observed = {
  name: 'app/db',
  existence: 'live',
  owner: ours,
  ref: 'team-a/db',
  state: null,
  versionId: '1',
  managedBy: null,
  details: null,
};

/** Everything that can stand in a store under a name, by the rows of the table in `planCopy`'s comment. */
const rows = {
  absent: [null],
  ours: [live],
  'ours, being deleted': [{ ...live, existence: 'pendingDeletion' }],
  "nobody's": [
    { ...live, owner: null, ref: null },
    { ...live, owner: null, ref: null, existence: 'pendingDeletion' },
  ],
  "another's": [
    { ...live, owner: 'their-mark', ref: 'team-b/web' },
    { ...live, owner: 'their-mark', ref: null, existence: 'pendingDeletion' },
  ],
  "a service's": [
    { ...live, managedBy: 'rds' },
    { ...live, managedBy: 'rds', owner: null },
    { ...live, managedBy: 'rds', owner: 'their-mark' },
    { ...live, managedBy: 'rds', existence: 'pendingDeletion' },
  ],
} as const satisfies Record<string, readonly (Observed | null)[]>;

type Row = keyof typeof rows;
const adoptionPolicies = ['Never', 'IfUnowned', 'Always'] as const;
const deletionPolicies = ['Delete', 'Retain'] as const;

interface Case {
  readonly row: Row;
  readonly differences: readonly Difference[] | null;
  readonly adoptionPolicy: (typeof adoptionPolicies)[number];
  readonly deletionPolicy: (typeof deletionPolicies)[number];
}

const states: readonly Case['differences'][] = [null, [], ['value'], ['tags', 'encryptionKey'], ['pendingDeletion']];

/** The table, once more in words of its own. */
function expected({ row, differences, adoptionPolicy, deletionPolicy }: Case): Plan['action'] {
  const gone = differences === null;
  switch (row) {
    case 'absent':
      return gone ? 'absent' : 'create';
    case 'ours':
      if (gone) return deletionPolicy === 'Delete' ? 'delete' : 'retain';
      return differences.length > 0 ? 'update' : 'unchanged';
    case 'ours, being deleted':
      return gone ? 'absent' : 'restore';
    case "nobody's":
      if (gone) return 'absent';
      return adoptionPolicy === 'Never' ? 'conflict' : 'adopt';
    case "another's":
      if (gone) return 'absent';
      return adoptionPolicy === 'Always' ? 'adopt' : 'conflict';
    case "a service's":
      return gone ? 'absent' : 'conflict';
    default: {
      const never: never = row;
      return never;
    }
  }
}

const cases = (Object.keys(rows) as Row[]).flatMap((row) =>
  states.flatMap((differences) =>
    adoptionPolicies.flatMap((adoptionPolicy) =>
      deletionPolicies.map((deletionPolicy) => ({ row, differences, adoptionPolicy, deletionPolicy })),
    ),
  ),
);

function plan(observed: Observed | null, given: Partial<Case> = {}): Plan {
  const { differences = [], adoptionPolicy = 'Never', deletionPolicy = 'Delete' } = given;
  return planCopy({ label: 'aws:x/app/db', owner: ours, observed, differences, adoptionPolicy, deletionPolicy });
}

describe('planCopy', () => {
  test.each((Object.keys(rows) as Row[]).map((row) => [row] as const))(
    'does what its table says of a copy that is %s, under every policy',
    (row) => {
      for (const given of cases.filter((one) => one.row === row)) {
        for (const observed of rows[row]) {
          expect({ ...given, action: plan(observed, given).action }).toEqual({ ...given, action: expected(given) });
        }
      }
    },
  );

  test('whatever is not certainly ours is never deleted, under any policy', () => {
    const deleted = cases
      .filter(({ row }) => row !== 'ours')
      .flatMap((given) => rows[given.row].map((observed) => plan(observed, given)))
      .filter(({ action }) => action === 'delete');

    expect(deleted).toEqual([]);
  });

  test('a change says what differed', () => {
    expect(plan(live, { differences: ['value', 'tags'] })).toMatchObject({ why: 'value, tags differed' });
    expect(plan({ ...live, existence: 'pendingDeletion' })).toMatchObject({ why: 'was being deleted' });
  });

  test('a conflict names the owner, and the policy that would take the copy over', () => {
    const unmarked = plan({ ...live, owner: null, ref: null });
    const theirs = plan({ ...live, owner: 'their-mark', ref: 'team-b/web' });
    const nameless = plan({ ...live, owner: 'their-mark', ref: null });

    expect(messageOf(unmarked)).toBe(
      'aws:x/app/db bears no mark of any sync; nothing was written. Choose another name, or take it over with adoptionPolicy: IfUnowned',
    );
    expect(messageOf(theirs)).toBe(
      'aws:x/app/db belongs to team-b/web; nothing was written. Choose another name, or take it over with adoptionPolicy: Always',
    );
    expect(messageOf(nameless)).toContain('belongs to their-mark');
  });

  test('the policy that a conflict names does take the copy over', () => {
    for (const observed of [...rows["nobody's"], ...rows["another's"]]) {
      const policy = /adoptionPolicy: (\w+)/.exec(messageOf(plan(observed)))?.[1] as 'IfUnowned' | 'Always';

      expect(plan(observed, { adoptionPolicy: policy }).action).toBe('adopt');
    }
  });

  test('a conflict with a service names it, and no policy', () => {
    const message = messageOf(plan({ ...live, managedBy: 'rds' }, { adoptionPolicy: 'Always' }));

    expect(message).toContain('aws:x/app/db is managed by rds');
    expect(message).not.toContain('adoptionPolicy');
  });

  test('a conflict over a secret that is being deleted says so', () => {
    expect(messageOf(plan({ ...live, owner: null, existence: 'pendingDeletion' }))).toContain('is pending deletion');
  });
});

function messageOf(planned: Plan): string {
  return planned.action === 'conflict' ? planned.error.message : '';
}
