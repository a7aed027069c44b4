/** What the operator's settings say about GCP Secret Manager. */
export interface GcpSettings {
  /** Project of destinations that name none. */
  readonly project?: string | undefined;
  /** `host:port` of Secret Manager; without it, Google's own. */
  readonly endpoint?: string | undefined;
  /** Plain text to `endpoint`, and no credentials. */
  readonly insecure: boolean;
  /** Longest time for one call in milliseconds; 10 s unless said. */
  readonly callTimeoutMs?: number | undefined;
}
