import { afterEach, expect, test } from '@jest/globals';
import { createLogger } from '../../src/logging.ts';
import { InterestPublisher } from '../../src/operator/interest-publisher.ts';
import { Syncs } from '../../src/operator/syncs.ts';
import type { InterestBoard } from '../../src/state/contract.ts';
import { mainVault } from '../sync/fake-world.ts';
import { someSync } from '../sync/some-sync.ts';
import { settle } from '../webhook/fakes.ts';

const publishers: InterestPublisher[] = [];

/** A publisher whose pauses last until they are ended. */
function open() {
  const syncs = new Syncs({ vaults: [mainVault], installation: 'test' });
  /** Names that each publication held. */
  const published: string[][] = [];
  const pauses: { ms: number; end: () => void }[] = [];
  const board: Pick<InterestBoard, 'publish'> = {
    async publish({ entries }) {
      published.push(entries.map(({ literal }) => String(literal)));
      return published.length;
    },
  };
  const publisher = new InterestPublisher({
    board: board as InterestBoard,
    syncs,
    logger: createLogger({ level: 'silent' }),
    kvVersionOf: async () => 2,
    wait: (ms, signal) =>
      new Promise((end, fail) => {
        pauses.push({ ms, end: () => end(undefined) });
        signal.addEventListener('abort', () => fail(signal.reason));
      }),
  });
  publishers.push(publisher);
  return {
    board,
    published,
    pauses,
    publisher,
    /** A new sync, and its publication. */
    add(name: string): Promise<void> {
      syncs.set(someSync({ path: `secret/${name}` }, { name }));
      return publisher.publish();
    },
  };
}

afterEach(async () => {
  for (const publisher of publishers.splice(0)) await publisher.close();
});

test('a new sync is published at once', async () => {
  const { add, published, pauses } = open();

  await add('a');

  expect(published).toEqual([['a']]);
  expect(pauses).toMatchObject([{ ms: 250 }]);
});

test('many new syncs soon after are one publication, when the quarter of a second is over, and each waits for it', async () => {
  const { add, published, pauses } = open();
  await add('a');
  let waiting = 3;

  const added = ['b', 'c', 'd'].map((name) => add(name).then(() => (waiting -= 1)));
  await settle();
  const early = [published.length, waiting];
  pauses[0]?.end();
  await Promise.all(added);

  expect(early).toEqual([1, 3]);
  expect(published).toEqual([['a'], ['a', 'b', 'c', 'd']]);
});

test('one that comes while another is being published is in the next', async () => {
  const { add, board, published, pauses } = open();
  const { publish } = board;
  let taken = (): void => undefined;
  board.publish = async (interest) => {
    await new Promise<void>((resolve) => (taken = resolve));
    return publish(interest);
  };

  const first = add('a');
  await settle();
  board.publish = publish;
  const second = add('b');
  taken();
  await first;
  pauses[0]?.end();
  await second;

  expect(published).toEqual([['a'], ['a', 'b']]);
});

test('after one that failed the next is tried at once, with everything in it', async () => {
  const { add, board, published, publisher } = open();
  const { publish } = board;
  board.publish = async () => {
    throw new Error('refused');
  };

  const failed = await add('a').catch(({ message }: Error) => message);
  const problem = publisher.problem();
  board.publish = publish;
  await add('b');

  expect([failed, problem]).toEqual(['refused', 'the interest could not be published']);
  expect(published).toEqual([['a', 'b']]);
  expect(publisher.problem()).toBeNull();
});

test('what is published already is not published again, and lets nobody wait', async () => {
  const { add, published, pauses, publisher } = open();
  await add('a');
  pauses[0]?.end();
  await settle();

  await publisher.publish();
  await add('b');

  expect(published).toEqual([['a'], ['a', 'b']]);
  expect(pauses).toHaveLength(2);
});

test('nothing is published after the end', async () => {
  const { add, published, publisher } = open();
  await add('a');

  const late = add('b').catch(({ name }: Error) => name);
  await publisher.close();

  expect(await late).toBe('AbortError');
  expect(published).toEqual([['a']]);
});
