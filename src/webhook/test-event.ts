import { AuditReader } from './audit/reader.ts';
import type { Verdict } from './audit/verdict.ts';
import { defaultLimits } from './settings.ts';

/** What the webhook makes of one audit entry, fit to be shown: never a value, a token or an accessor. */
export type TestResult = Pick<
  Verdict,
  'verdict' | 'reason' | 'namespace' | 'mount' | 'path' | 'operation' | 'version' | 'requestId'
> & { readonly ownWrite?: true; readonly metadataOnly?: true };

/**
 * Judges every entry of a stream, as the webhook would: one result per entry, in order. Line breaks, arrays and what
 * log shippers wrap around an entry are understood as at `/events`.
 */
export async function* testEvents(input: AsyncIterable<Buffer | string>): AsyncGenerator<TestResult, void, void> {
  let results: TestResult[] = [];
  const reader = new AuditReader({
    maxRecordBytes: defaultLimits.maxLineBytes,
    prefilter: false,
    sink: {
      verdict: (verdict) => results.push(show(verdict)),
      passedOver: () => undefined,
    },
  });
  for await (const chunk of input) {
    reader.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    yield* results;
    results = [];
  }
  reader.end();
  yield* results;
}

/** One JSON line, without its newline. */
export function formatTestResult(result: TestResult): string {
  return JSON.stringify(result);
}

function show(verdict: Verdict): TestResult {
  const { reason, namespace, mount, operation, version, requestId } = verdict;
  return {
    verdict: verdict.verdict,
    reason,
    namespace,
    mount,
    path: showPath(verdict.path),
    operation,
    version,
    requestId,
    ...(verdict.ownWrite ? { ownWrite: true } : {}),
    ...(verdict.metadataOnly ? { metadataOnly: true } : {}),
  };
}

/** Old endpoints take a token or an accessor in the address, e.g. `auth/token/lookup/<token>`. */
function showPath(path: string | null): string | null {
  const endpoint = /^auth\/token\/[^/]*\//.exec(path ?? '')?.[0];
  return endpoint === undefined ? path : `${endpoint}[hidden]`;
}
