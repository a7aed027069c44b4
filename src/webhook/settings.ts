/** What the webhook is told; `config` fills it from files, variables and flags. */
export interface WebhookSettings {
  /** Null: no HTTP listener. */
  readonly http: ListenAddress | null;
  readonly tcp: readonly TcpListenerSettings[];
  /** Any of them opens `/events`; several, so that one can be exchanged for another. */
  readonly tokens: readonly TokenSettings[];
  /** Lets `/events` be used without a token when `tokens` is empty. */
  readonly allowUnauthenticated: boolean;
  /** What is left out is as in `defaultLimits`. */
  readonly limits: Partial<WebhookLimits>;
  readonly vaults: readonly VaultNames[];
}

export interface ListenAddress {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

/** For Vault's `socket` audit device, which speaks neither HTTP nor TLS and sends no credential. */
interface TcpListenerSettings extends ListenAddress {
  /** Name of the Vault whose lines arrive here. */
  readonly vault: string;
  /** Addresses that may connect, e.g. `10.0.0.0/8` or `10.1.2.3`; empty or left out: all. */
  readonly allow?: readonly string[];
}

export interface TokenSettings {
  readonly token: string;
  /** The only Vault that its bearer may speak for; left out: any. */
  readonly vault?: string;
}

export interface WebhookLimits {
  /** Longest request body in bytes, after decompression; a longer one is answered 413. */
  readonly maxBodyBytes: number;
  /** Longest line in bytes; a longer one is counted as malformed and skipped. */
  readonly maxLineBytes: number;
  /** A compressed body that grows by more than this factor (and beyond 16 MiB) is answered 413. */
  readonly maxInflateRatio: number;
  /** Shortest time between two requests to reconcile the same Vault, in milliseconds. */
  readonly reconcileIntervalMs: number;
}

/** Fluentd sends file chunks of 256 MiB; Vault's longest known lines are tens of MB. */
export const defaultLimits: WebhookLimits = {
  maxBodyBytes: 256 * 1024 * 1024,
  maxLineBytes: 32 * 1024 * 1024,
  maxInflateRatio: 200,
  reconcileIntervalMs: 300_000,
};

/** What a Vault is called in settings, and by those who send its events. */
export interface VaultNames {
  readonly name: string;
  /** e.g. `https://vault.example.com:8200` */
  readonly address: string;
  readonly aliases: readonly string[];
}
