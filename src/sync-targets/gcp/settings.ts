/** What the operator's settings say about GCP Secret Manager. */
export interface GcpSettings {
  /** Project of destinations that name none. */
  readonly project?: string | undefined;
  /** `id=number` of projects: one that is named by its number is then the same place as by its id. */
  readonly projectNumbers?: readonly string[] | undefined;
  /** `host:port` of Secret Manager; without it, Google's own. */
  readonly endpoint?: string | undefined;
  /** `host:port` for regional secrets, with `{location}` for theirs; without it, Google's own. */
  readonly regionalEndpoint?: string | undefined;
  /** Plain text to `endpoint`, and no credentials. */
  readonly insecure: boolean;
  /** gRPC unless said. */
  readonly transport?: 'grpc' | 'rest' | undefined;
  /** Longest time for one call, or one exchange of tokens, in milliseconds; 10 s unless said. */
  readonly callTimeoutMs?: number | undefined;
  /** A PEM file with certificate authorities to trust besides the system's. */
  readonly caFile?: string | undefined;
  /** An HTTP proxy, as a URL, that Google is reached through. */
  readonly proxy?: string | undefined;
  /** Where tokens of the cluster are exchanged, as a URL; without it, Google's own. */
  readonly stsEndpoint?: string | undefined;
  /** Where tokens of service accounts are issued, as a URL; without it, Google's own. */
  readonly iamCredentialsEndpoint?: string | undefined;
}

/** Milliseconds. */
export function callTimeoutOf({ callTimeoutMs = 10_000 }: GcpSettings): number {
  return callTimeoutMs;
}
