import type { Counter, Histogram } from 'prom-client';
import type { Metrics } from '../metrics.ts';
import type { VerdictKind } from './audit/verdict.ts';

/** The metrics of one Vault: to find them by their labels costs as much as to read a line. */
export interface VaultMetrics {
  readonly entries: Readonly<Record<VerdictKind, Counter.Internal>>;
  readonly toReceipt: Histogram.Internal<'vault'>;
  readonly toQueue: Histogram.Internal<'vault'>;
}

export function metricsOf(vault: string, metrics: Metrics): VaultMetrics {
  const entriesWith = (verdict: VerdictKind) => metrics.auditEntries.labels({ vault, verdict });
  return {
    entries: {
      changed: entriesWith('changed'),
      reconcile: entriesWith('reconcile'),
      ignored: entriesWith('ignored'),
      malformed: entriesWith('malformed'),
    },
    toReceipt: metrics.entryToReceiptSeconds.labels({ vault }),
    toQueue: metrics.entryToQueueSeconds.labels({ vault }),
  };
}
