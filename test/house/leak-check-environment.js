import { setTimeout as sleep } from 'node:timers/promises';
import { TestEnvironment } from 'jest-environment-node';

/** What must not outlive a test file: it would keep a process alive, or a port, or a peer. */
const watched = ['Timeout', 'TCPSocketWrap', 'TCPServerWrap', 'TLSWrap', 'ProcessWrap', 'FSEvent', 'UDPWrap', 'Worker'];
/** Closing takes a moment, and longer where a machine has little time: sockets say goodbye, processes are reaped. Milliseconds. */
const patienceMs = 15_000;

/** Node's environment, with a look at the end of each test file at what it left open. */
export default class LeakCheckEnvironment extends TestEnvironment {
  #before = new Map();
  #file = '';

  constructor(config, context) {
    super(config, context);
    this.#file = context.testPath;
  }

  async setup() {
    await super.setup();
    this.#before = openResources();
  }

  async handleTestEvent(event) {
    if (event.name !== 'run_finish') return;
    const deadline = Date.now() + patienceMs;
    let left = this.#leftOpen();
    while (left.length > 0 && Date.now() < deadline) {
      // The pause itself is a timer, so it must be over when we look.
      await sleep(25);
      left = this.#leftOpen();
    }
    if (left.length > 0) throw new Error(`${this.#file} left open: ${left.join(', ')}`);
  }

  #leftOpen() {
    return [...openResources()]
      .map(([type, count]) => [type, count - (this.#before.get(type) ?? 0)])
      .filter(([type, count]) => watched.includes(type) && count > 0)
      .map(([type, count]) => `${count} ${type}`);
  }
}

function openResources() {
  const counts = new Map();
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}
