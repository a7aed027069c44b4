import { SecretsManager, type SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import { type AwsSettings, aws } from '../../../src/sync-targets/aws/index.ts';
import { controlOver, fieldsOf, limits } from '../aws/control.ts';
import type { StoreUnderTest } from '../conformance/under-test.ts';
import { everythingIs, newPrefix, patienceMs, unattended } from './account.ts';

export interface RealAws {
  /** As the operator has them; without credentials what AWS's tools find. */
  readonly settings: AwsSettings & { readonly region: string };
  /** Two KMS keys of the region; null = the cases about keys are skipped. */
  readonly keys: readonly [string, string] | null;
}

/** Secrets Manager of an account, with nothing between it and the target. It ends with the deletion of all that was made. */
export async function openRealAws({ settings, keys }: RealAws): Promise<StoreUnderTest<AwsSettings>> {
  const { region, endpoint, credentials } = settings;
  const config: SecretsManagerClientConfig = { region };
  const admin = new SecretsManager({ ...config, ...(endpoint && { endpoint }), ...(credentials && { credentials }) });
  const prefix = newPrefix();
  return {
    kind: aws,
    settings,
    destination: (tags) => ({ aws: { tags } }),
    describedBy: (description) => ({ aws: { description } }),
    fields: fieldsOf(admin, { account: await accountOf(admin, `${prefix}account`), keys }),
    everything: everythingIs({ aws: {} }),
    limits,
    permissions: { read: '', write: '' },
    prefix,
    patienceMs,
    store: { ...controlOver(admin), ...unattended },
    async close() {
      await removeAll(admin, prefix);
      admin.destroy();
    },
  };
}

/** Twelve digits, from the ARN of a secret: so it takes no permission of another service. */
async function accountOf(admin: SecretsManager, name: string): Promise<string> {
  const { ARN = '' } = await admin.createSecret({ Name: name, SecretString: 'x' });
  return ARN.split(':')[4] ?? '';
}

/** At once and for good, those that are pending deletion too. */
async function removeAll(admin: SecretsManager, prefix: string): Promise<void> {
  const Filters = [{ Key: 'name' as const, Values: [prefix] }];
  // What is deleted disappears from the listing: the first page is asked for until it is empty.
  const { SecretList = [] } = await admin.listSecrets({ Filters, IncludePlannedDeletion: true, MaxResults: 100 });
  for (const { Name: SecretId = '' } of SecretList) {
    if (!SecretId.startsWith(prefix)) continue;
    const { ReplicationStatus = [], DeletedDate } = await admin.describeSecret({ SecretId });
    if (DeletedDate) await admin.restoreSecret({ SecretId });
    const RemoveReplicaRegions = ReplicationStatus.flatMap(({ Region }) => Region ?? []);
    if (RemoveReplicaRegions.length > 0) await admin.removeRegionsFromReplication({ SecretId, RemoveReplicaRegions });
    await admin.deleteSecret({ SecretId, ForceDeleteWithoutRecovery: true });
  }
  if (SecretList.length === 100) await removeAll(admin, prefix);
}
