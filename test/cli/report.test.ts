import { beforeEach, describe, expect, test } from '@jest/globals';
import type { SyncReport } from '../../src/cli/one-run.ts';
import { Report, type ReportStyle } from '../../src/cli/report.ts';
import type { CopyResult } from '../../src/sync/ports.ts';

let out: string[];
let err: string[];

beforeEach(() => {
  [out, err] = [[], []];
});

function reportIn(style: Partial<ReportStyle> = {}, { colours = false } = {}): Report {
  const output = { out: (line: string) => void out.push(line), err: (line: string) => void err.push(line), colours };
  return new Report({ command: 'plan', json: false, all: false, ...style }, output);
}

function result(changes: Partial<CopyResult> & Pick<CopyResult, 'change'>): CopyResult {
  return {
    sync: 'team-a/db',
    copy: 'gcp:p/db',
    store: 'gcp',
    destination: 'gcp:p',
    name: 'db',
    source: '["main","","secret","app/db"]',
    planned: changes.change,
    reason: '',
    message: '',
    fingerprints: { wanted: '11111111', found: '22222222' },
    retry: null,
    ...changes,
  };
}

function sync(results: CopyResult[], more: Partial<SyncReport> = {}): SyncReport {
  return { sync: 'team-a/db', mode: 'active', results, problems: [], ...more };
}

describe('the text of a report', () => {
  test('is aligned, one line for each copy that is not unchanged, in order of their places', () => {
    const report = reportIn();

    report.add(
      sync([
        result({ change: 'updated', name: 'much-longer', message: 'value differed' }),
        result({ change: 'created', name: 'b', fingerprints: { wanted: '11111111', found: null } }),
        result({ change: 'unchanged', name: 'c' }),
        result({ change: 'absent', name: 'd' }),
        result({ change: 'conflict', name: 'a', message: 'belongs to another' }),
      ]),
    );
    report.end();

    expect(out).toEqual([
      'team-a/db',
      '  conflict  gcp:p/a                                  belongs to another',
      '  create    gcp:p/b            none -> 11111111      was not there',
      '  update    gcp:p/much-longer  22222222 -> 11111111  value differed',
      '  1 unchanged',
      'plan: 1 sync: 1 conflict, 1 create, 1 unchanged, 1 update',
    ]);
  });

  test('shows what is unchanged when all is asked for', () => {
    const report = reportIn({ all: true });

    report.add(sync([result({ change: 'unchanged', fingerprints: { wanted: '11111111', found: null } })]));

    expect(out).toEqual(['team-a/db', '  unchanged  gcp:p/db  11111111']);
  });

  test('is coloured on a terminal only', () => {
    const plain = reportIn();
    plain.add(sync([result({ change: 'created' })]));
    const uncoloured = out.splice(0).join('\n');
    const coloured = reportIn({}, { colours: true });
    coloured.add(sync([result({ change: 'created' })]));

    expect(uncoloured).not.toContain('\u{1b}');
    expect(out[1]).toMatch(/^ {2}\S\[32mcreate\S\[0m /);
  });

  test('writes out what would move the cursor of a terminal, in names and in messages', () => {
    const report = reportIn();

    report.add(sync([result({ change: 'updated', name: '\u{1b}[2J', message: 'line\nbreak' })]));

    expect(out[1]).toContain(String.raw`gcp:p/\u{1b}[2J`);
    expect(out[1]).toContain(String.raw`line\u{a}break`);
  });

  test('says what a dry run, a suspended and a leaving sync are, and what nothing was found for', () => {
    const report = reportIn();

    for (const mode of ['dryRun', 'suspended', 'deleting', 'active'] as const) report.add(sync([], { mode }));

    expect(out).toEqual([
      'team-a/db (dryRun: true, so a run writes nothing)',
      '  nothing selected',
      'team-a/db (suspend: true, so it is left as it is)',
      'team-a/db (is being deleted)',
      '  nothing selected',
      'team-a/db',
      '  nothing selected',
    ]);
  });

  test('of a run speaks of what was done, and of a dry run of what would be', () => {
    const report = reportIn({ command: 'sync' });

    report.add(
      sync([
        result({ change: 'metadataUpdated', name: 'a' }),
        result({ change: 'restored', name: 'b' }),
        result({ change: 'dryRun', planned: 'created', name: 'c' }),
      ]),
    );
    const code = report.end();

    expect(out.slice(1, -1).map((line) => line.split('gcp:')[0]?.trim())).toEqual([
      'metadata-only',
      'restored',
      'would create',
    ]);
    expect(out.at(-1)).toBe('sync: 1 sync: 1 metadata-only, 1 restored, 1 would create');
    expect(code).toBe(0);
  });

  test('tells problems and notes on standard error', () => {
    const report = reportIn();

    report.note('this holds for all');
    report.bad({ manifest: 'bad.yaml', message: 'not YAML' });
    report.add(sync([], { problems: [{ reason: 'Sealed', message: 'Vault is sealed' }] }));

    expect(err).toEqual(['note: this holds for all', 'bad.yaml: not YAML', 'team-a/db: Vault is sealed']);
    expect(out).toEqual(['team-a/db', '  not all of it could be looked at']);
  });
});

describe('the exit code', () => {
  const problem = { reason: 'Sealed', message: 'Vault is sealed' };

  test.each([
    { of: 'nothing', report: sync([]), plan: 0, run: 0 },
    { of: 'unchanged copies', report: sync([result({ change: 'unchanged' })]), plan: 0, run: 0 },
    { of: 'a skipped copy', report: sync([result({ change: 'retained' })]), plan: 0, run: 0 },
    { of: 'a new copy', report: sync([result({ change: 'created' })]), plan: 3, run: 0 },
    { of: 'a copy with other tags', report: sync([result({ change: 'metadataUpdated' })]), plan: 3, run: 0 },
    { of: 'a deletion that waits', report: sync([result({ change: 'waiting', planned: 'deleted' })]), plan: 3, run: 0 },
    { of: 'a stopped deletion', report: sync([result({ change: 'guarded', planned: 'deleted' })]), plan: 3, run: 0 },
    { of: 'a conflict', report: sync([result({ change: 'conflict' })]), plan: 1, run: 1 },
    { of: 'a failure', report: sync([result({ change: 'failed', planned: 'deleted' })]), plan: 1, run: 1 },
    { of: 'writes that are paused', report: sync([result({ change: 'paused', planned: 'created' })]), plan: 3, run: 1 },
    { of: 'a sync that was not looked at', report: sync([], { problems: [problem] }), plan: 1, run: 1 },
  ])('of a plan and of a run with $of', ({ report, plan, run }) => {
    const codes = (['plan', 'sync'] as const).map((command) => {
      const told = reportIn({ command });
      told.add(sync([result({ change: 'unchanged' })]));
      told.add(report);
      return told.end();
    });

    expect(codes).toEqual([plan, run]);
  });

  test('is 2 for a bad manifest, whatever else there is', () => {
    const report = reportIn();

    report.bad({ manifest: 'bad.yaml', message: 'not YAML' });
    report.add(sync([result({ change: 'failed' })]));

    expect(report.end()).toBe(2);
  });
});

describe('the document of a report', () => {
  test('of a run tells both what was due and what was done', () => {
    const report = reportIn({ command: 'sync', json: true });

    report.add(sync([result({ change: 'dryRun', planned: 'created' }), result({ change: 'unchanged', source: '[]' })]));
    report.end();

    expect(out).toHaveLength(1);
    expect(JSON.parse(out[0] ?? '').syncs[0].copies).toMatchObject([
      { class: 'create', change: 'dryRun', source: 'secret/app/db' },
      { class: 'unchanged', change: 'unchanged', source: null },
    ]);
  });

  test('hides fingerprints that were made with a key of this run', () => {
    const report = reportIn({ json: true });

    report.hideFingerprints();
    report.add(sync([result({ change: 'updated' })]));
    report.end();

    expect(out[0]).not.toMatch(/11111111|22222222/);
    expect(JSON.parse(out[0] ?? '').syncs[0].copies[0].fingerprints).toEqual({ wanted: null, found: null });
  });
});
