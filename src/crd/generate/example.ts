/** The manifest that the reference page begins with. A test applies it to the API server. */
export const exampleManifest = `apiVersion: vaultsecretsync.dev/v1alpha1
kind: VaultSecretSync
metadata:
  name: databases
  namespace: team-a
spec:
  source:
    path: secret/team-a/(.*)/db
  dest:
    - aws:
        region: eu-west-1
        name: team-a/$1/db
        tags:
          team: a
    - azure:
        vaultName: team-a
        name: $1-db
    - gcp:
        project: team-a-prod
        name: $1-db
`;

/** What the example does, in the order of its lines. */
export const exampleExplained = [
  'Every secret of the KV mount `secret` whose path is `team-a/`, anything, `/db` is selected: `spec.source.path` is a pattern over the whole path, mount included. `secret/team-a/shop/db` is one of them, and `$1` is then `shop`.',
  'Each of them gets three copies: in AWS Secrets Manager in Ireland as `team-a/shop/db`, with a tag; in the Azure Key Vault `team-a` as `shop-db`; in the GCP project `team-a-prod` as `shop-db`.',
  'A change in Vault is in all three stores within a second. Once an hour (`refreshInterval`) everything is compared again, whether or not anything was heard.',
  'A secret that is deleted in Vault is deleted in the stores (`deletionPolicy: Delete`); when the `VaultSecretSync` itself is deleted, the copies stay (`removalPolicy: Retain`).',
];
