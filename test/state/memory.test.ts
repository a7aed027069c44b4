import { describe } from '@jest/globals';
import { createLogger } from '../../src/logging.ts';
import { createMemoryState } from '../../src/state/memory/state.ts';
import { describeState } from './conformance.ts';

describe('the state in memory', () => {
  describeState(async () => {
    const state = createMemoryState({ log: createLogger({ level: 'silent' }), abortGraceMs: 100 });
    return { state, webhook: state.asWebhook(), close: () => state.close() };
  });
});
