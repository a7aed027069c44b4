import type { Destination } from '../../src/crd/vault-secret-sync.ts';
import { fixSpec, SyncError } from '../../src/errors.ts';
import {
  type Desired,
  type Difference,
  type Observed,
  type Premise,
  PremiseChanged,
  type Target,
  type Written,
} from '../../src/sync-targets/contract.ts';

/** What a store holds under one name. */
export interface StoredCopy {
  readonly value: string;
  readonly owner: string | null;
  readonly ref: string | null;
  readonly state: string | null;
  readonly versionId: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly existence: 'live' | 'pendingDeletion';
  readonly managedBy: string | null;
}

type Operation = 'describe' | 'list' | 'write' | 'remove';

/** A store in memory that is strict about premises, counts its calls and can be made to fail. */
export class FakeStore implements Target {
  readonly scope: string;
  readonly copies = new Map<string, StoredCopy>();
  /** E.g. `write app/db`, in order. */
  readonly calls: string[] = [];
  /** How many of them were writes. */
  writes = 0;
  /** Errors to throw before anything happens, by operation. */
  readonly failing = new Map<Operation, unknown>();
  /** The next write happens, but its answer is lost. */
  losesNextAnswer = false;
  hangs = false;
  /** When writes are done, Unix time in milliseconds. */
  now = () => 0;
  /** Called within a write, before anything is changed. */
  duringWrite: (() => void | Promise<void>) | null = null;
  list: NonNullable<Target['list']>;
  rates?: NonNullable<Target['rates']>;

  constructor(scope: string) {
    this.scope = scope;
    this.list = this.#list;
  }

  nameOf(name: string, { derived }: { derived: boolean }): string {
    if (/^[\w/.-]+$/.test(name)) return name;
    if (!derived) throw fixSpec('NameInvalid', `name "${name}": this store has letters, digits and /.-_ only`);
    return name.replace(/[^\w/.-]/g, '-');
  }

  identityOf(name: string): string {
    return name.toLowerCase();
  }

  preflight(desired: Desired): void {
    if (desired.value.length > 1_000) throw fixSpec('ValueTooLarge', `${desired.name}: at most 1,000 characters`);
  }

  async describe(name: string, signal: AbortSignal): Promise<Observed | null> {
    await this.#enter('describe', name, signal);
    const copy = this.copies.get(name);
    return copy ? observe(name, copy) : null;
  }

  compare(desired: Desired, observed: Observed, written: Written | null): readonly Difference[] {
    const differences: Difference[] = [];
    if (observed.existence === 'pendingDeletion') differences.push('pendingDeletion');
    // The version before the first dot may be older: the same content can be put twice.
    const contentOf = (state: string | null) => state?.split('.').slice(1).join('.');
    const touched = written !== null && observed.versionId !== null && observed.versionId !== written.versionId;
    if (touched || contentOf(observed.state) !== contentOf(desired.marks.state)) differences.push('value');
    const isTagged = JSON.stringify(observed.details) === JSON.stringify(tagsOf(desired));
    if (!isTagged || observed.ref !== desired.marks.ref) differences.push('tags');
    return differences;
  }

  async write(desired: Desired, premise: Premise, signal: AbortSignal): Promise<Written> {
    await this.#enter('write', desired.name, signal);
    await this.duringWrite?.();
    const before = this.copies.get(desired.name);
    const believed = premise.kind === 'absent' ? undefined : versionBelieved(premise);
    if (before?.versionId !== believed) throw new PremiseChanged(`${desired.name} is not as believed`);
    if (premise.kind === 'remembered' && before?.existence !== 'live') throw new PremiseChanged('it is being deleted');
    const versionId = desired.versionIdAfter(before?.versionId ?? null);
    this.copies.set(desired.name, {
      value: desired.value,
      ...desired.marks,
      versionId,
      tags: tagsOf(desired),
      existence: 'live',
      managedBy: null,
    });
    if (this.losesNextAnswer) {
      this.losesNextAnswer = false;
      throw answerLost();
    }
    return { versionId, at: this.now() };
  }

  async remove(observed: Observed, signal: AbortSignal): Promise<void> {
    await this.#enter('remove', observed.name, signal);
    if (this.copies.get(observed.name)?.versionId !== observed.versionId) throw new PremiseChanged('it changed');
    this.copies.delete(observed.name);
  }

  /** What a write would have to call it by. */
  callsOf(...operations: Operation[]): string[] {
    return this.calls.filter((call) => operations.some((operation) => call.startsWith(`${operation} `)));
  }

  /** Forgets what was called so far. */
  quiet(): void {
    this.calls.length = 0;
    this.writes = 0;
  }

  /** What is there, by name. */
  values(): Record<string, string> {
    return Object.fromEntries([...this.copies].map(([name, { value }]) => [name, value]));
  }

  /** Puts a copy there by hand. */
  place(name: string, copy: Partial<StoredCopy> = {}): void {
    this.copies.set(name, { ...madeByHand, ...copy });
  }

  async *#list(owner: string, signal: AbortSignal): AsyncGenerator<Observed> {
    await this.#enter('list', owner, signal);
    for (const [name, copy] of [...this.copies]) if (copy.owner === owner) yield observe(name, copy);
  }

  async #enter(operation: Operation, name: string, signal: AbortSignal): Promise<void> {
    this.calls.push(`${operation} ${name}`);
    if (operation === 'write') this.writes++;
    if (this.hangs) await untilAborted(signal);
    signal.throwIfAborted();
    if (this.failing.has(operation)) throw this.failing.get(operation);
  }
}

const madeByHand: StoredCopy = {
  value: 'by hand',
  owner: null,
  ref: null,
  state: null,
  versionId: 'by-hand',
  tags: {},
  existence: 'live',
  managedBy: null,
};

function observe(name: string, copy: StoredCopy): Observed {
  const { existence, owner, ref, state, versionId, managedBy, tags } = copy;
  return { name, existence, owner, ref, state, versionId, managedBy, details: tags };
}

function versionBelieved(premise: Exclude<Premise, { kind: 'absent' }>): string | null {
  return premise.kind === 'remembered' ? premise.written.versionId : premise.observed.versionId;
}

function tagsOf({ destination }: { destination: Destination }): Readonly<Record<string, string>> {
  return destination.aws?.tags ?? destination.azure?.tags ?? {};
}

export function answerLost(): SyncError {
  return new SyncError({ remedy: 'Retry', reason: 'StoreUnreachable', message: 'the connection broke' });
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
