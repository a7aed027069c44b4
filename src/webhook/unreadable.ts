import type { Metrics } from '../metrics.ts';
import type { Reason } from './audit/verdict.ts';
import type { Notify } from './notices.ts';
import type { ReconcileRequests } from './reconcile-requests.ts';

/** Takes how many times, and why, something from a Vault could not be read that may have been a change. */
export type TellUnreadable = (vault: string, times: ReadonlyMap<Reason, number>) => void;

/** What whoever runs the sender should set. */
const remedies: Partial<Record<Reason, string>> = {
  TooLong:
    'a line is longer than webhook.maxLineBytes, and is lost: set elide_list_responses=true at the audit device, or raise the limit',
  TooComplex: 'a line is lost, for it has too many values to be parsed: let the sender batch less',
  BadEncoding:
    'a body cannot be decompressed, and is lost: it is damaged, or let the sender use gzip, deflate, br, zstd or none',
  Msgpack:
    'a body is msgpack, and is lost: let the sender write JSON (Fluent Bit: Format json_lines; Fluentd: <format> @type json)',
  Jsonx:
    'audit lines are XML, and are lost: the audit device has format=jsonx; disable it and enable it again with format=json',
  Form: 'a body is a form, and is lost: let the sender write JSON (Logstash: format => "json_batch")',
  Protobuf: 'a body is Protobuf, and is lost: let the sender write JSON (OpenTelemetry: encoding: json)',
};

/** Counts it, says once a minute what to set, and has the Vault looked at: nobody will send it again. */
export function createTellUnreadable(options: {
  readonly requests: ReconcileRequests;
  readonly metrics: Metrics;
  readonly notify: Notify;
}): TellUnreadable {
  const { requests, metrics, notify } = options;
  return (vault, times) => {
    for (const [reason, count] of times) {
      metrics.unreadable.inc({ vault, reason }, count);
      const message = remedies[reason] ?? 'something cannot be read, and is lost';
      notify({ level: 'warn', kind: `unreadable-${reason}`, fields: { vault, reason }, message });
    }
    requests.ask(vault, 'unreadable');
  };
}
