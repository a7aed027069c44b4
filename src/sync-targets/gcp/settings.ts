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
  /** Longest time for one call in milliseconds; 10 s unless said. */
  readonly callTimeoutMs?: number | undefined;
}
