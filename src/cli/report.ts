import { planSummaryOf, summaryField } from '../operator/plan-summary.ts';
import { describeSource, noSource } from '../sync/marks.ts';
import { type PlanClass, planClasses, planClassOf } from '../sync/plan-class.ts';
import type { CopyResult } from '../sync/ports.ts';
import { printable } from './job-words.ts';
import type { Mode, RunProblem, SyncReport } from './one-run.ts';
import { type Colour, exitCodes, type Output, paint } from './output.ts';

/** What was asked of a run. */
export interface ReportStyle {
  /** `plan`: nothing was done. `sync`: it was. */
  readonly command: 'plan' | 'sync';
  readonly json: boolean;
  /** Show what is unchanged too. */
  readonly all: boolean;
}

/** A manifest that could not be used. */
export interface BadManifest {
  /** Its file, or its name in the cluster. */
  readonly manifest: string;
  readonly message: string;
}

/** One copy, as `--json` shows it. Field names are stable. */
interface ShownCopy {
  readonly class: PlanClass;
  /** Only of a run: what was done, in the words of the log. */
  readonly change?: CopyResult['change'];
  readonly store: CopyResult['store'];
  readonly destination: string;
  readonly name: string;
  /** The secrets that it is made of; null where nobody knows any more. */
  readonly source: string | null;
  readonly reason: string;
  readonly message: string;
  readonly fingerprints: CopyResult['fingerprints'];
}

interface ShownSync {
  readonly sync: string;
  readonly mode: Mode;
  readonly problems: readonly RunProblem[];
  readonly copies: readonly ShownCopy[];
}

/** Tells what a run found or did: as text while it goes on, or as one JSON document at its end. */
export class Report {
  readonly #style: ReportStyle;
  readonly #output: Output;
  readonly #notes: string[] = [];
  readonly #bad: BadManifest[] = [];
  readonly #syncs: ShownSync[] = [];
  readonly #results: Pick<CopyResult, 'change' | 'planned'>[] = [];
  /** How often each word of the text was, or would be, told. */
  readonly #words = new Map<string, number>();
  #count = 0;
  #hidesFingerprints = false;
  #problems = 0;

  constructor(style: ReportStyle, output: Output) {
    this.#style = style;
    this.#output = output;
  }

  /** Something that holds for the whole run. */
  note(message: string): void {
    this.#notes.push(message);
    this.#output.err(`${paint(this.#output, 'yellow', 'note')}: ${printable(message)}`);
  }

  /** They were made with a key of this run only, and so tell nothing. */
  hideFingerprints(): void {
    this.#hidesFingerprints = true;
  }

  bad(manifest: BadManifest): void {
    this.#bad.push(manifest);
    this.#output.err(`${printable(manifest.manifest)}: ${printable(manifest.message)}`);
  }

  add({ sync, mode, results, problems }: SyncReport): void {
    const copies = results.flatMap((result) => this.#shown(result) ?? []).sort(byPlace);
    this.#count += 1;
    this.#problems += problems.length;
    for (const { change, planned } of results) this.#results.push({ change, planned });
    for (const copy of copies) this.#words.set(wordOf(copy), (this.#words.get(wordOf(copy)) ?? 0) + 1);
    for (const { message } of problems) this.#output.err(`${printable(sync)}: ${printable(message)}`);
    if (this.#style.json) this.#syncs.push({ sync, mode, problems, copies });
    else this.#tell({ sync, mode, problems, copies });
  }

  /** Ends the report. @returns the exit code */
  end(): number {
    const { json, command } = this.#style;
    const counted = planSummaryOf(this.#results);
    if (json) {
      const classes = planClasses.map((planClass) => [summaryField(planClass), counted[summaryField(planClass)] ?? 0]);
      const summary = { syncs: this.#count, ...Object.fromEntries(classes), problems: this.#problems };
      const document = { notes: this.#notes, badManifests: this.#bad, syncs: this.#syncs, summary };
      this.#output.out(JSON.stringify(document, null, 2));
    } else {
      const words = [...this.#words].sort().map(([word, count]) => `${count} ${word}`);
      const syncs = `${this.#count} ${this.#count === 1 ? 'sync' : 'syncs'}`;
      this.#output.out(`${command}: ${syncs}: ${words.join(', ') || 'nothing selected'}`);
    }
    return this.#exitCode(counted);
  }

  #exitCode(counted: ReturnType<typeof planSummaryOf>): number {
    if (this.#bad.length > 0) return exitCodes.badInput;
    const isPaused = this.#style.command === 'sync' && this.#results.some(({ change }) => change === 'paused');
    if (this.#problems > 0 || counted.failed || counted.conflict || isPaused) return exitCodes.failed;
    const due = pendingClasses.some((planClass) => counted[summaryField(planClass)]);
    return this.#style.command === 'plan' && due ? exitCodes.pending : exitCodes.ok;
  }

  /** Null for what there is neither in Vault nor in the store. */
  #shown(result: CopyResult): ShownCopy | null {
    const { change, store, destination, name, source, reason } = result;
    const planClass = planClassOf(result);
    if (planClass === null) return null;
    return {
      class: planClass,
      ...(this.#style.command === 'sync' ? { change } : {}),
      store,
      destination,
      name,
      source: source === noSource ? null : describeSource(source),
      reason,
      message: result.message || (usualReason[planClass] ?? ''),
      fingerprints: this.#hidesFingerprints ? { wanted: null, found: null } : fingerprintsOf(result, planClass),
    };
  }

  #tell({ sync, mode, problems, copies }: ShownSync): void {
    const shown = copies.filter((copy) => this.#style.all || copy.class !== 'unchanged');
    const hidden = copies.length - shown.length;
    const lines = [
      ...this.#rows(shown),
      ...(hidden > 0 ? [paint(this.#output, 'grey', `${hidden} unchanged`)] : []),
      ...(copies.length === 0 && problems.length === 0 && mode !== 'suspended' ? ['nothing selected'] : []),
      ...(problems.length > 0 ? [paint(this.#output, 'red', 'not all of it could be looked at')] : []),
    ];
    this.#output.out(paint(this.#output, 'bold', printable(sync)) + modeWords[mode]);
    for (const line of lines) this.#output.out(`  ${line}`);
  }

  #rows(copies: readonly ShownCopy[]): string[] {
    const rows = copies.map((copy) => ({
      copy,
      word: wordOf(copy),
      place: printable(`${copy.destination}/${copy.name}`),
      fingerprints: fingerprintWords(copy),
    }));
    const widths = {
      word: widest(rows.map(({ word }) => word)),
      place: Math.min(widestPlace, widest(rows.map(({ place }) => place))),
      fingerprints: widest(rows.map(({ fingerprints }) => fingerprints)),
    };
    return rows.map(({ copy, word, place, fingerprints }) => {
      const rest = [place.padEnd(widths.place), fingerprints.padEnd(widths.fingerprints), printable(copy.message)];
      return `${paint(this.#output, colours[copy.class], word.padEnd(widths.word))}  ${rest.join('  ').trimEnd()}`;
    });
  }
}

/** A run speaks of what it did, a plan and a dry run of what is due. */
function wordOf({ class: planClass, change }: ShownCopy): string {
  if (change === undefined) return planClass;
  if (change === 'dryRun') return `would ${planClass}`;
  return change === 'metadataUpdated' ? 'metadata-only' : change;
}

function widest(texts: readonly string[]): number {
  return texts.reduce((width, text) => Math.max(width, text.length), 0);
}

const modeWords: Readonly<Record<Mode, string>> = {
  active: '',
  dryRun: ' (dryRun: true, so a run writes nothing)',
  suspended: ' (suspend: true, so it is left as it is)',
  deleting: ' (is being deleted)',
};

/** Longer names push what follows aside rather than all others. */
const widestPlace = 72;

/** What makes a plan end with "changes are pending". */
const pendingClasses: readonly PlanClass[] = ['create', 'update', 'metadata-only', 'adopt', 'delete', 'guarded'];

const colours: Readonly<Record<PlanClass, Colour>> = {
  create: 'green',
  update: 'yellow',
  'metadata-only': 'yellow',
  adopt: 'yellow',
  delete: 'red',
  guarded: 'red',
  conflict: 'red',
  failed: 'red',
  skip: 'grey',
  unchanged: 'grey',
};

/** Why, where a run has nothing to add to the word itself. */
const usualReason: Readonly<Partial<Record<PlanClass, string>>> = {
  create: 'was not there',
  delete: 'the source is gone',
};

/** What is unchanged has the fingerprint that it must have, whether or not its marks spell it out (AWS). */
function fingerprintsOf({ fingerprints }: CopyResult, planClass: PlanClass): CopyResult['fingerprints'] {
  const { wanted, found } = fingerprints;
  return planClass === 'unchanged' ? { wanted, found: found ?? wanted } : fingerprints;
}

/** `found -> wanted`: whether both are the same, and nothing that tells a value. */
function fingerprintWords({ class: planClass, fingerprints }: ShownCopy): string {
  const [found, wanted] = [fingerprints.found ?? 'unknown', fingerprints.wanted ?? 'unknown'];
  switch (planClass) {
    case 'create':
      return `none -> ${wanted}`;
    case 'update':
    case 'metadata-only':
    case 'adopt':
      return `${found} -> ${wanted}`;
    case 'delete':
    case 'guarded':
      return `${found} -> none`;
    case 'unchanged':
      return wanted;
    case 'skip':
      if (fingerprints.wanted === null || found === wanted) return fingerprints.wanted ?? '';
      return `${found}, not ${wanted}`;
    case 'conflict':
    case 'failed':
      return '';
    default: {
      const never: never = planClass;
      return never;
    }
  }
}

function byPlace(one: ShownCopy, other: ShownCopy): number {
  const [first, second] = [`${one.destination}/${one.name}`, `${other.destination}/${other.name}`];
  return first < second ? -1 : first === second ? 0 : 1;
}
