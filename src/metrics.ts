import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/**
 * Every metric of the program. Labels hold closed sets only (a store, a verdict, a kind), never a secret's name or a
 * sync's: their number is not bounded.
 */
export interface Metrics {
  readonly registry: Registry;
  /** Audit entries heard, by `vault` and `verdict`. */
  readonly auditEntries: Counter<'vault' | 'verdict'>;
  /** Jobs handed to the queue, by `kind`. */
  readonly jobsQueued: Counter<'kind'>;
  /** Jobs run, by `kind` and `outcome` (`done`, `retry`, `dead`). */
  readonly jobs: Counter<'kind' | 'outcome'>;
  /** Copies, by `store` and `result` (`created`, `updated`, `deleted`, `unchanged`, `failed`, …). */
  readonly copies: Counter<'store' | 'result'>;
  /** Requests refused or answered 503 at the webhook, by `reason`. */
  readonly ingestRefused: Counter<'reason'>;
  /** Seconds from the time in the audit entry to the copy written. */
  readonly changeToCopySeconds: Histogram<'store'>;
  /** 1 while changes are queued without a published interest to match them against. */
  readonly interestMissing: Gauge;
  /** Requests sent to Vault, by `operation` (`read`, `list`, `mount`, `login`, `renew`). */
  readonly vaultRequests: Counter<'operation'>;
}

/**
 * Creates the metrics in a registry of their own; `withProcess` adds memory, CPU and event-loop figures, `countDeadLetters`, asked at
 * each scrape, adds how many there are. A count that fails leaves the sample out: an old one could hide that there are some.
 */
export function createMetrics(options: {
  withProcess: boolean;
  countDeadLetters?: (() => Promise<number>) | undefined;
}): Metrics {
  const registry = new Registry();
  if (options.withProcess) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const { countDeadLetters } = options;
  if (countDeadLetters) {
    new Gauge({
      name: 'vss_dead_letters',
      help: 'Jobs that were given up, as vault-secret-sync dead-letters lists them. The same in every operator.',
      registers,
      async collect() {
        const count = await countDeadLetters().catch(() => null);
        if (count === null) this.remove();
        else this.set(count);
      },
    });
  }
  return {
    registry,
    auditEntries: new Counter({
      name: 'vss_audit_entries_total',
      help: 'Audit entries heard, by verdict.',
      labelNames: ['vault', 'verdict'],
      registers,
    }),
    jobsQueued: new Counter({ name: 'vss_jobs_queued_total', help: 'Jobs queued.', labelNames: ['kind'], registers }),
    jobs: new Counter({ name: 'vss_jobs_total', help: 'Jobs run.', labelNames: ['kind', 'outcome'], registers }),
    copies: new Counter({
      name: 'vss_copies_total',
      help: 'Copies handled, by result.',
      labelNames: ['store', 'result'],
      registers,
    }),
    ingestRefused: new Counter({
      name: 'vss_ingest_refused_total',
      help: 'Requests and connections the webhook turned away.',
      labelNames: ['reason'],
      registers,
    }),
    changeToCopySeconds: new Histogram({
      name: 'vss_change_to_copy_seconds',
      help: "Seconds from the audit entry's time to the copy written.",
      labelNames: ['store'],
      buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300],
      registers,
    }),
    interestMissing: new Gauge({
      name: 'vss_interest_missing',
      help: '1 while changes are queued without a published interest.',
      registers,
    }),
    vaultRequests: new Counter({
      name: 'vss_vault_requests_total',
      help: 'Requests sent to Vault.',
      labelNames: ['operation'],
      registers,
    }),
  };
}
