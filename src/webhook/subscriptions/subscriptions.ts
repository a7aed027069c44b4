import { Subscription, type SubscriptionOptions, type SubscriptionSettings } from './subscription.ts';

export interface Subscriptions {
  close(): Promise<void>;
}

/** Subscribes to the notifications of every Vault that the settings name. A Vault that cannot be reached delays this by two seconds at most. */
export async function startSubscriptions(
  settings: readonly SubscriptionSettings[],
  options: Omit<SubscriptionOptions, keyof SubscriptionSettings>,
): Promise<Subscriptions> {
  const subscriptions = await Promise.all(settings.map((each) => Subscription.start({ ...options, ...each })));
  return {
    async close() {
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
    },
  };
}
