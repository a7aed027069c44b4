import { setTimeout as sleep } from 'node:timers/promises';
import { type Disturbance, describeDisturbance } from './plan.ts';
import type { DisturbedRedis } from './redis.ts';
import type { Replica } from './replicas.ts';
import type { DisturbedStore } from './stores.ts';

export interface DisturbedWorld {
  readonly redis: DisturbedRedis;
  readonly replicas: { readonly webhook: readonly Replica[]; readonly operator: readonly Replica[] };
  readonly stores: readonly DisturbedStore[];
}

/**
 * Makes one thing go wrong and mends it after its time.
 * @returns how many it befell: a process that is being started anew cannot be killed again
 */
export async function disturb(world: DisturbedWorld, disturbance: Disturbance): Promise<number> {
  const { forMs } = disturbance;
  switch (disturbance.kind) {
    case 'redis':
      return (await world.redis.disturb(disturbance.trouble, forMs)) ? 1 : 0;
    case 'store': {
      const store = world.stores.find(({ name }) => name === disturbance.store);
      await store?.fault(disturbance.fault);
      await sleep(forMs);
      await store?.heal();
      return 1;
    }
    case 'kill':
    case 'restart':
    case 'pause': {
      const meant = disturbance.who.map((index) => world.replicas[disturbance.role][index] as Replica);
      const victims = meant.filter((replica) => replica.isUp);
      if (disturbance.kind === 'pause') {
        for (const victim of victims) victim.pause();
        await sleep(forMs);
        for (const victim of victims) victim.resume();
        return victims.length;
      }
      const signal = disturbance.kind === 'kill' ? 'SIGKILL' : 'SIGTERM';
      await Promise.all(victims.map((victim) => victim.end(signal)));
      // A rolling restart leaves no gap but that of starting.
      if (disturbance.kind === 'kill') await sleep(forMs);
      await Promise.all(victims.map((victim) => victim.start()));
      return victims.length;
    }
    default: {
      const never: never = disturbance;
      throw new Error(`no such disturbance: ${describeDisturbance(never)}`);
    }
  }
}
