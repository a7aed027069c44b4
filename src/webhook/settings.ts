import type { CertificateFiles } from './certificates.ts';
import type { ClientSettings } from './client-certificates.ts';
import type { SubscriptionSettings } from './subscriptions/subscription.ts';
import type { FileSettings } from './tail/tail.ts';

/** What the webhook is told; `config` fills it from files, variables and flags. */
export interface WebhookSettings {
  /** Null: no HTTP listener. */
  readonly http: HttpListenerSettings | null;
  readonly tcp: readonly TcpListener[];
  readonly unix?: readonly UnixListener[];
  readonly udp?: readonly DatagramListener[];
  /** Files of Vault's `file` audit device to follow; left out: none. */
  readonly files?: readonly FileSettings[];
  /** Vaults whose event notifications are heard; left out: none. */
  readonly eventSubscriptions?: readonly SubscriptionSettings[];
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

interface HttpListenerSettings extends ListenAddress {
  /** Left out: plain HTTP. */
  readonly tls?: HttpTlsSettings;
}

export interface HttpTlsSettings extends CertificateFiles {
  /** Senders' certificates that are let in; needs `clientCaFile`. */
  readonly clients: readonly ClientSettings[];
  /** What a sender needs where `clients` and `tokens` are both set. */
  readonly require: 'all' | 'any';
}

/** For Vault's `socket` audit device, which speaks neither HTTP nor TLS and sends no credential. */
export interface StreamListener {
  /** Name of the Vault whose lines arrive here. */
  readonly vault: string;
  /** More connections than this at a time are refused; 100 when left out. */
  readonly maxConnections?: number;
}

export interface TcpListener extends ListenAddress, StreamListener {
  /** Addresses that may connect, e.g. `10.0.0.0/8` or `10.1.2.3`; empty or left out: all. */
  readonly allow?: readonly string[];
  /** For relays: Vault's device cannot. With `clientCaFile` they must present a certificate. */
  readonly tls?: CertificateFiles;
}

export interface UnixListener extends StreamListener {
  readonly path: string;
  /** Rights of the socket's file in octal digits; `0660` when left out. */
  readonly mode?: string;
}

export interface DatagramListener extends ListenAddress {
  readonly vault: string;
  /** As for TCP. */
  readonly allow?: readonly string[];
}

/** One of `token` and `tokenFile`. */
export interface TokenSettings {
  readonly token?: string;
  /** A file with one token a line; followed. */
  readonly tokenFile?: string;
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
  /** Bytes of unfinished lines, of all requests together; the one that goes beyond is answered 503. */
  readonly maxHeldBytes: number;
  /** HTTP connections open at once, and of these from one address. */
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Requests of one sender at once, and a second; more are answered 503. */
  readonly maxRequestsPerSender: number;
  readonly requestsPerSecond: number;
  /** Longest time for a request's header, in milliseconds. */
  readonly headerMs: number;
  /** Longest time for a whole request, in milliseconds. */
  readonly requestMs: number;
  /** Shortest time between two requests to reconcile the same Vault, in milliseconds. */
  readonly reconcileIntervalMs: number;
}

/** Fluentd sends file chunks of 256 MiB; Vault's longest known lines are tens of MB. */
export const defaultLimits: WebhookLimits = {
  maxBodyBytes: 256 * 1024 * 1024,
  maxLineBytes: 32 * 1024 * 1024,
  maxInflateRatio: 200,
  maxHeldBytes: 128 * 1024 * 1024,
  maxConnections: 2_000,
  maxConnectionsPerAddress: 500,
  maxRequestsPerSender: 200,
  requestsPerSecond: 20_000,
  headerMs: 30_000,
  // A body of 256 MiB on a slow line.
  requestMs: 600_000,
  reconcileIntervalMs: 300_000,
};

/** What a Vault is called in settings, and by those who send its events. */
export interface VaultNames {
  readonly name: string;
  /** e.g. `https://vault.example.com:8200` */
  readonly address: string;
  readonly aliases: readonly string[];
}
