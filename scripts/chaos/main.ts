import { parseArgs } from 'node:util';
import { redisModes } from './plan.ts';
import { type Outcome, runChaos } from './run.ts';

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    redis: { type: 'string', default: 'standalone' },
    sender: { type: 'string' },
    secrets: { type: 'string', default: '40' },
    // Longer than the five minutes that lie between two reconciles which a webhook or a Redis that evicts asks for.
    patience: { type: 'string', default: '360' },
    help: { type: 'boolean', default: false },
  },
});
if (flags.help) {
  console.log(
    [
      'make chaos: three webhooks and three operators on one Redis while everything goes wrong; then every copy is compared with Vault.',
      'DURATION=60 seconds of it, SEED=1, REDIS=standalone|sentinel|cluster|all (all: one kind after another; Valkey: REDIS_BIN).',
      'From 300 seconds on, Redis is gone for two minutes at a stretch.',
      'Flags of this program: --seconds 60 --seed 1 --redis standalone --sender again|once --secrets 40 --patience 360',
      'The seed decides what goes wrong and when; what the processes make of it differs from run to run.',
    ].join('\n'),
  );
  process.exit(0);
}

const modes = redisModes.filter((known) => flags.redis === known || flags.redis === 'all');
if (modes.length === 0) throw new Error(`--redis is one of ${redisModes.join(', ')} or all, not ${flags.redis}`);
const endings: string[] = [];
for (const redis of modes) {
  const ending = await runChaos({
    redis,
    seconds: Number(flags.seconds),
    seed: Number(flags.seed),
    sender: ([undefined, 'again', 'once'] as const).find((known) => known === flags.sender),
    secrets: Number(flags.secrets),
    patience: Number(flags.patience),
  }).then(
    (outcome) => {
      if (outcome.lost > 0) process.exitCode = 1;
      return wordsOf(outcome);
    },
    (error: unknown) => {
      process.exitCode = 1;
      console.error(error);
      return 'it broke off, see above';
    },
  );
  endings.push(`Redis ${redis}: ${ending}`);
}
for (const ending of endings) console.log(ending);

function wordsOf({ compared, lost, unheard }: Outcome): string {
  return `${compared} copies compared${unheard > 0 ? `, unheard ${unheard}` : ''}, lost ${lost}`;
}
