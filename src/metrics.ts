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
  /** Open connections, by socket `listener`, e.g. `tcp:9090`. */
  readonly socketConnections: Gauge<'listener'>;
  /** Changes that a socket `listener` or a subscription could not keep (`full`), and datagrams that never reached it (`kernel`). */
  readonly socketShed: Counter<'listener' | 'reason'>;
  /** Lines and bodies that could not be read and may have held a change, by `vault` and `reason` (`TooLong`, `Msgpack`, …). */
  readonly unreadable: Counter<'vault' | 'reason'>;
  /** Versions that no audit entry told of, by `vault` and what showed it, `seen_by` (`event`, `reconcile`). */
  readonly missedVersions: Counter<'vault' | 'seen_by'>;
  /** Seconds from the time in an audit entry that a sync wants to its receipt, by `vault`. */
  readonly entryToReceiptSeconds: Histogram<'vault'>;
  /** Seconds from the time in an audit entry that a sync wants until the queue has its job, by `vault`. */
  readonly entryToQueueSeconds: Histogram<'vault'>;
  /** Seconds from the time in the audit entry to the copy written. */
  readonly changeToCopySeconds: Histogram<'store'>;
  /** When a listener's certificate ends, in Unix seconds, by the `setting` that names its file. */
  readonly certificateExpires: Gauge<'setting'>;
  /** Bytes of the audit file being read that the queue has not taken yet, by `file`. */
  readonly fileLag: Gauge<'file'>;
  /** How far the audit file is read and queued, in uncompressed bytes, by `file`. */
  readonly filePosition: Gauge<'file'>;
  /** Audit files left for the next, by `file` and `how` (`renamed`, `truncated`). */
  readonly fileRotations: Counter<'file' | 'how'>;
  /** How often lines of an audit file may have been missed, by `file`; each asks for a reconcile. */
  readonly fileLosses: Counter<'file'>;
  /** 1 while the event notifications of a `vault` are heard, 0 while they are not. */
  readonly eventSubscriptions: Gauge<'vault'>;
  /** How often a subscription to them could not be had, or ended, by `vault`. */
  readonly eventSubscriptionFailures: Counter<'vault'>;
  /** 1 while changes are queued without a published interest to match them against. */
  readonly interestMissing: Gauge;
  /** How often Redis may have lost what it had taken, by `loss` (`another server`, `emptied`, `evicted`). */
  readonly stateLosses: Counter<'loss'>;
  /** Requests sent to Vault, by `operation` (`read`, `list`, `mount`, `login`, `renew`). */
  readonly vaultRequests: Counter<'operation'>;
}

/** Seconds. */
const latencyBuckets = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300];

/**
 * Creates the metrics in a registry of their own; `withProcess` adds memory, CPU and event-loop figures, `countDeadLetters`, asked at
 * each scrape, adds how many there are. A count that fails leaves the sample out: an old one could hide that there are some.
 */
export function createMetrics(options: {
  withProcess: boolean;
  countDeadLetters?: (() => Promise<number>) | undefined;
  /** Where processes share their state: whether Redis is set up to throw keys away. Asked at each scrape. */
  stateMayEvict?: (() => boolean) | undefined;
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
  const { stateMayEvict } = options;
  if (stateMayEvict) {
    new Gauge({
      name: 'vss_state_may_evict',
      help: '1 while Redis is set up to throw keys away when it is full: set maxmemory-policy noeviction.',
      registers,
      collect() {
        this.set(stateMayEvict() ? 1 : 0);
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
    socketConnections: new Gauge({
      name: 'vss_socket_connections',
      help: "Open connections of each listener for Vault's socket device.",
      labelNames: ['listener'],
      registers,
    }),
    socketShed: new Counter({
      name: 'vss_socket_shed_total',
      help: "Changes and datagrams lost at a listener for Vault's socket device, or at a subscription to event notifications; a reconcile follows.",
      labelNames: ['listener', 'reason'],
      registers,
    }),
    unreadable: new Counter({
      name: 'vss_unreadable_total',
      help: 'Lines and bodies that could not be read and may have held a change; each leads to a reconcile.',
      labelNames: ['vault', 'reason'],
      registers,
    }),
    missedVersions: new Counter({
      name: 'vss_missed_versions_total',
      help: 'Versions of secrets that no audit entry told of.',
      labelNames: ['vault', 'seen_by'],
      registers,
    }),
    entryToReceiptSeconds: new Histogram({
      name: 'vss_entry_to_receipt_seconds',
      help: "Seconds from a wanted audit entry's time to its receipt.",
      labelNames: ['vault'],
      buckets: latencyBuckets,
      registers,
    }),
    entryToQueueSeconds: new Histogram({
      name: 'vss_entry_to_queue_seconds',
      help: "Seconds from a wanted audit entry's time until the queue has its job.",
      labelNames: ['vault'],
      buckets: latencyBuckets,
      registers,
    }),
    changeToCopySeconds: new Histogram({
      name: 'vss_change_to_copy_seconds',
      help: "Seconds from the audit entry's time to the copy written.",
      labelNames: ['store'],
      buckets: latencyBuckets,
      registers,
    }),
    certificateExpires: new Gauge({
      name: 'vss_certificate_expires_seconds',
      help: "When a listener's certificate ends, in Unix seconds.",
      labelNames: ['setting'],
      registers,
    }),
    fileLag: new Gauge({
      name: 'vss_file_lag_bytes',
      help: 'Bytes of the audit file being read that the queue has not taken yet.',
      labelNames: ['file'],
      registers,
    }),
    filePosition: new Gauge({
      name: 'vss_file_position_bytes',
      help: 'How far the audit file is read and queued.',
      labelNames: ['file'],
      registers,
    }),
    fileRotations: new Counter({
      name: 'vss_file_rotations_total',
      help: 'Audit files left for the next.',
      labelNames: ['file', 'how'],
      registers,
    }),
    fileLosses: new Counter({
      name: 'vss_file_losses_total',
      help: 'How often lines of an audit file may have been missed.',
      labelNames: ['file'],
      registers,
    }),
    eventSubscriptions: new Gauge({
      name: 'vss_event_subscriptions',
      help: '1 while the event notifications of a Vault are heard, 0 while they are not.',
      labelNames: ['vault'],
      registers,
    }),
    eventSubscriptionFailures: new Counter({
      name: 'vss_event_subscription_failures_total',
      help: "Times that a subscription to a Vault's event notifications could not be had, or ended.",
      labelNames: ['vault'],
      registers,
    }),
    stateLosses: new Counter({
      name: 'vss_state_losses_total',
      help: 'Times that Redis may have lost what it had taken; each is followed by a reconcile of everything.',
      labelNames: ['loss'],
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
