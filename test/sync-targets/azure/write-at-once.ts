import { azure } from '../../../src/sync-targets/azure/index.ts';
import { canary, createContext, createManualClock, desire } from '../conformance/under-test.ts';

/** A program that writes some copies at once, for the test of what the SDK prints meanwhile. */
const [settings = '{}', vaultUrl = '', ...names] = process.argv.slice(2);
const destination = { azure: { vaultUrl } };
const clock = createManualClock(Date.now());
const target = azure.open(destination, createContext({ settings: JSON.parse(settings), clock, errors: [] }));
const { signal } = new AbortController();
await Promise.all(
  names.map((name) =>
    target.write(desire({ name, value: canary, destination, owner: 'a'.repeat(32) }), { kind: 'absent' }, signal),
  ),
);
await target.close?.();
