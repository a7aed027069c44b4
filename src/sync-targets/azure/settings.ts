/** What the operator's settings say about Azure Key Vault. */
export interface AzureSettings {
  /** Completes `vaultName`, and is the resource that tokens are asked for: `vault.azure.net` in the public cloud. */
  readonly dnsSuffix: string;
  /** Where tokens are issued, e.g. `https://login.microsoftonline.com`. */
  readonly authorityHost: string;
  readonly tenantId?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** A file with the client secret, read at each sign-in. */
  readonly clientSecretFile?: string;
  /** Whether the machine's or app's own identity signs in where there is no other proof; `clientId` picks one of several. */
  readonly managedIdentity?: boolean;
  /** Where it is asked for, if not at the machine's metadata service. */
  readonly managedIdentityEndpoint?: string;
  /** What App Service and Container Apps want to be told there; absent on machines. */
  readonly managedIdentityHeader?: string;
  /** Workload identity: a file with a token of the cluster, read at each sign-in because it is replaced every hour. */
  readonly federatedTokenFile?: string;
  /** Hosts, with port, that `vaultUrl` may name besides `*.<dnsSuffix>`: our token is sent there. */
  readonly allowedHosts: readonly string[];
  /** A PEM file with certificate authorities to trust besides the system's. */
  readonly caFile?: string;
  /** An HTTP proxy, as a URL, that vaults and the sign-in are reached through. */
  readonly proxy?: string;
  /** Longest wait, in milliseconds, within one write for a deletion or a recovery under way; 5,000 unless said. */
  readonly recoveryPatienceMs?: number;
  /** Longest time, in milliseconds, for one request; pages of a listing have it each. 30,000 unless said. */
  readonly requestTimeoutMs?: number;
  /** Longest time, in milliseconds, for one sign-in; 10,000 unless said. */
  readonly signInTimeoutMs?: number;
}
