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
const driftPolicies = ['Repair', 'Report', 'Ignore'] as const;
const updatePolicies = ['Always', 'IfNotExists'] as const;

interface Case {
  readonly row: Row;
  readonly differences: readonly Difference[] | null;
  readonly wasInSync: boolean;
  readonly formerOwner: string | null;
  readonly adoptionPolicy: (typeof adoptionPolicies)[number];
  readonly deletionPolicy: (typeof deletionPolicies)[number];
  readonly driftPolicy: (typeof driftPolicies)[number];
  readonly updatePolicy: (typeof updatePolicies)[number];
}

const states: readonly Case['differences'][] = [null, [], ['value'], ['tags', 'encryptionKey'], ['pendingDeletion']];

/** The table, once more in words of its own. */
function expected(given: Case, observed: Observed | null): Plan['action'] {
  if (given.differences === null) return whenGone(given);
  const drifts = given.wasInSync && given.driftPolicy !== 'Repair';
  const drifted = given.driftPolicy === 'Report' ? 'drift' : 'skip';
  if (given.row === 'absent') return drifts ? drifted : 'create';
  if (given.updatePolicy === 'IfNotExists' && observed?.existence === 'live') return 'skip';
  switch (given.row) {
    case 'ours':
      if (given.differences.length === 0) return 'unchanged';
      return drifts ? drifted : 'update';
    case 'ours, being deleted':
      return drifts ? drifted : 'restore';
    case "nobody's":
      return given.adoptionPolicy === 'Never' ? 'conflict' : 'adopt';
    case "another's":
      return given.adoptionPolicy === 'Always' || given.formerOwner === observed?.owner ? 'adopt' : 'conflict';
    case "a service's":
      return 'conflict';
    default: {
      const never: never = given.row;
      return never;
    }
  }
}

function whenGone({ row, deletionPolicy }: Case): Plan['action'] {
  if (row !== 'ours') return 'absent';
  return deletionPolicy === 'Delete' ? 'delete' : 'retain';
}

/** Every choice of one of each. */
const choices = {
  differences: states,
  wasInSync: [false, true],
  formerOwner: [null, 'their-mark', 'yet-another-mark'],
  adoptionPolicy: adoptionPolicies,
  deletionPolicy: deletionPolicies,
  driftPolicy: driftPolicies,
  updatePolicy: updatePolicies,
} as const;

const cases = Object.entries(choices).reduce<Case[]>(
  (all, [field, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [field]: value }))),
  (Object.keys(rows) as Row[]).map((row) => ({ row }) as Case),
);

function plan(observed: Observed | null, given: Partial<Case> = {}): Plan {
  const { differences = [], wasInSync = false, formerOwner = null } = given;
  const {
    adoptionPolicy = 'Never',
    deletionPolicy = 'Delete',
    driftPolicy = 'Repair',
    updatePolicy = 'Always',
  } = given;
  return planCopy({
    label: 'aws:x/app/db',
    owner: ours,
    formerOwner,
    observed,
    differences,
    wasInSync,
    policies: { adoptionPolicy, deletionPolicy, driftPolicy, updatePolicy },
  });
}

describe('planCopy', () => {
  test.each((Object.keys(rows) as Row[]).map((row) => [row] as const))(
    'does what its table says of a copy that is %s, under every policy',
    (row) => {
      const wrong: object[] = [];
      for (const given of cases.filter((one) => one.row === row)) {
        for (const observed of rows[row]) {
          const { action } = plan(observed, given);
          if (action !== expected(given, observed)) wrong.push({ ...given, observed, action });
        }
      }

      expect(wrong).toEqual([]);
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

  test('a copy that was handed over is taken from whoever gave it up, and says so', () => {
    const theirs = { ...live, owner: 'their-mark', ref: 'team-b/web' };

    expect(plan(theirs, { formerOwner: 'their-mark' })).toMatchObject({
      action: 'adopt',
      why: 'belonged to team-b/web, which gave it up',
    });
    expect(plan(theirs, { formerOwner: 'their-mark', adoptionPolicy: 'Always' })).toMatchObject({ action: 'adopt' });
  });

  test('what is left to drift says what became of it, and which policy leaves it so', () => {
    const reported = plan(live, { differences: ['value'], wasInSync: true, driftPolicy: 'Report' });
    const ignored = plan(null, { wasInSync: true, driftPolicy: 'Ignore' });

    expect(reported).toEqual({
      action: 'drift',
      why: 'value differed since it was written; driftPolicy: Report leaves it so',
    });
    expect(ignored).toEqual({ action: 'skip', why: 'was deleted by somebody else; driftPolicy: Ignore' });
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
