import { gcp } from '../../../src/sync-targets/gcp/index.ts';
import { canary, createContext, createManualClock, desire } from '../conformance/under-test.ts';

/** A program that writes one copy and looks at it, for the test of what the SDK prints meanwhile. */
const [endpoint, project = '', name = ''] = process.argv.slice(2);
const settings = { endpoint, insecure: true };
const destination = { gcp: { project } };
const target = gcp.open(destination, createContext({ settings, clock: createManualClock(0), errors: [] }));
const desired = desire({ name, value: canary, destination, owner: 'a'.repeat(32) });
const { signal } = new AbortController();
await target.write(desired, { kind: 'absent' }, signal);
await target.describe(name, signal);
await target.close?.();
