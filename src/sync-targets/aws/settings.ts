/** What the operator says of AWS, for all destinations. */
export interface AwsSettings {
  /** Address of Secrets Manager, where it is not AWS's own, e.g. a VPC endpoint; `{region}` stands for the region. */
  readonly endpoint?: string;
  /** Address of STS, for destinations with a role, where it is not AWS's own; `{region}` as above. */
  readonly stsEndpoint?: string;
  /** Region of destinations that name none. */
  readonly region?: string;
  /** AWS's endpoints that are validated to FIPS 140. */
  readonly useFips?: boolean;
  /** AWS's endpoints that speak IPv6 too. */
  readonly useDualstack?: boolean;
  /** Address of a proxy, `http://host:port`, that requests to AWS go through. */
  readonly proxy?: string;
  /** Certificates (PEM) that are trusted besides the system's. */
  readonly caPem?: string;
  /** Versions of a secret that AWS takes within a day; 100 unless said. */
  readonly versionsPerDay?: number;
  /** Session tags of every role that is assumed, `key=value`. */
  readonly sessionTags?: readonly string[];
  /** Default: what the SDK finds (environment, web identity, files, container, instance). */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}
