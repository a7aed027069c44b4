/** What the rest of the program sees of Kubernetes. Nothing here needs the client library. */

/** A kind of custom resource, as its URL has it. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/** A custom resource as the API server sends it; `managedFields` are dropped. */
export interface KubernetesObject {
  readonly metadata: ObjectMeta;
}

export interface ObjectMeta {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  /** RFC 3339, as all times here. */
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
}

/** One object of a custom resource. */
export interface ObjectRef {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  /** Whoever gives it means this life of the object, not a later one under the same name. */
  readonly uid?: string;
}

/** How a patch ended; anything else is thrown. */
export type PatchOutcome =
  | { readonly outcome: 'patched'; readonly resourceVersion: string }
  /** Somebody changed the object since `resourceVersion`: look at it again. */
  | { readonly outcome: 'conflict' }
  /** No object of that name, or another life of it. */
  | { readonly outcome: 'gone' };

export interface ListOptions {
  readonly resource: Resource;
  /** Empty or left out: all. */
  readonly namespaces?: readonly string[];
}

export interface ReflectOptions<Kind extends KubernetesObject> extends ListOptions {
  /** Once, after the first complete list of every namespace; each of its objects has been through `onChange`. */
  readonly onSynced?: () => void;
  /** An object is new or different. Called after the store has it; only enqueue here. */
  readonly onChange: (object: Kind) => void;
  /** An object is gone; this is its last known state. One that was created again at once is both, gone first. */
  readonly onDelete: (object: Kind) => void;
}

/** A copy in memory of all objects of a resource that follows the API server until it is stopped. */
export interface Reflector<Kind extends KubernetesObject> {
  /** True after the first complete list; false when it was stopped before. Never rejects. */
  readonly synced: Promise<boolean>;
  readonly store: {
    get(namespace: string, name: string): Kind | undefined;
    list(): Kind[];
  };
  /** Why the copy may be out of date, for people; null while it follows. */
  problem(): string | null;
  /** Resolves when no request is open and no handler will be called any more. */
  stop(): Promise<void>;
}

export interface EventToRecord {
  readonly regarding: ObjectRef & { readonly kind: string };
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, at most 128 characters. */
  readonly reason: string;
  /** What was being done, CamelCase, at most 128 characters. */
  readonly action: string;
  /** For people; cut at 1,024 bytes, the limit of Kubernetes. */
  readonly message: string;
}

export interface KubernetesClient {
  /** Address of the API server, for messages. */
  readonly server: string;
  /** All objects of a resource, once. @throws SyncError by remedy */
  list<Kind extends KubernetesObject>(options: ListOptions): Promise<Kind[]>;
  /** Starts at once; failures are logged, retried and shown by `problem()`. */
  reflect<Kind extends KubernetesObject>(options: ReflectOptions<Kind>): Reflector<Kind>;
  /** Replaces the whole status, provided the object is still what `uid` and `resourceVersion` say, where given. */
  patchStatus(ref: ObjectRef, status: object, resourceVersion?: string): Promise<PatchOutcome>;
  /** Sets finalizers (the whole list) or annotations (those named; null removes), provided nothing changed meanwhile. */
  patchMetadata(ref: ObjectRef, change: MetadataChange, resourceVersion: string): Promise<PatchOutcome>;
  /**
   * Writes an Event, unless the same (object, reason, message) was recorded within 10 minutes. Events are a courtesy: a failure is
   * logged and never thrown.
   */
  recordEvent(event: EventToRecord): Promise<void>;
  /** The uid of the namespace `kube-system`: one for the life of a cluster. */
  kubeSystemUid(): Promise<string>;
  /** One value of a Secret; null when the Secret, or the key in it, is certainly absent. */
  getSecretKey(secret: SecretKeyRef): Promise<Buffer | null>;
  /** All values of a Secret, as they are now; null when it is certainly absent. */
  getSecret(secret: Omit<SecretKeyRef, 'key'>): Promise<Readonly<Record<string, Buffer>> | null>;
  /** The value of a Secret, which is created with `make()` if it is missing, and never changed afterwards. */
  getOrCreateSecret(secret: SecretKeyRef & { readonly make: () => Uint8Array }): Promise<Buffer>;
  /** A token of a ServiceAccount through TokenRequest. */
  requestToken(request: TokenRequest): Promise<IssuedToken>;
  /** Stops every reflector and closes every connection. */
  close(): Promise<void>;
}

export interface MetadataChange {
  readonly finalizers?: readonly string[];
  readonly annotations?: Readonly<Record<string, string | null>>;
}

export interface SecretKeyRef {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

export interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly audiences: readonly string[];
  /** Seconds, at least 600; the API server may give fewer or more. */
  readonly expirationSeconds: number;
}

export interface IssuedToken {
  readonly token: string;
  /** Unix time in milliseconds. */
  readonly expiresAt: number;
}
