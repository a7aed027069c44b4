import { fixSpec, SyncError } from '../../errors.ts';
import type { IssuedToken, KubernetesClient } from '../../kubernetes/contract.ts';
import type { ResourceIdentity } from '../../sync-targets/contract.ts';

/** Seconds that a token is asked to hold. */
const expirationSeconds = 3600;
/** Part of its life after which a token is renewed. */
const renewalPart = 0.8;
/** Milliseconds before its end in which a token is not handed out any more. */
const marginMs = 30_000;
/** Milliseconds until a token that Kubernetes refused is asked for again. */
const pauseMs = 10_000;
/** Milliseconds for which a Secret that was read is used without looking again. */
const secretIsFreshMs = 10_000;

/** What a manifest says of whom it brings. */
interface Ref {
  readonly serviceAccountRef?: { readonly name: string } | undefined;
  readonly secretRef?: { readonly name: string } | undefined;
}

/** Identities of the namespaces of syncs. */
interface Identities {
  /** The identity of a namespace that an `auth` names. Asks nobody yet. @throws SyncError `FixSpec` without Kubernetes */
  of(namespace: string, auth: Ref): ResourceIdentity;
}

interface HeldToken {
  issued: IssuedToken | null;
  /** Unix time in milliseconds: when another one is asked for. */
  renewAt: number;
  /** Under way; null = nothing is. */
  asking: Promise<IssuedToken> | null;
  /** Why the last one was refused; null = it was not. */
  refusal: unknown;
}

type SecretValues = Readonly<Record<string, Buffer>> | null;

/**
 * Tokens and Secrets of namespaces, each kept by its namespace and name: nothing is ever found under another namespace.
 * However many ask at once, Kubernetes is asked once, and again only after some seconds where it refused. A token is
 * renewed before it ends; while it holds nobody waits for its renewal, nor minds one that fails. A Secret is kept for
 * some seconds only, so that a rotation is seen.
 */
export function createIdentities(options: {
  readonly kubernetes: Pick<KubernetesClient, 'requestToken' | 'getSecret'> | null;
  /** Unix time in milliseconds. */
  now(): number;
}): Identities {
  const { kubernetes, now } = options;
  const tokens = new Map<string, HeldToken>();
  const secrets = new Map<string, { readonly read: Promise<SecretValues>; readonly at: number }>();
  type Client = NonNullable<typeof kubernetes>;

  async function ask(client: Client, { namespace, name, audience }: Account, held: HeldToken): Promise<IssuedToken> {
    const askedAt = now();
    try {
      const request = { namespace, serviceAccount: name, audiences: [audience], expirationSeconds };
      const issued = await client.requestToken(request);
      held.issued = issued;
      held.renewAt = askedAt + (issued.expiresAt - askedAt) * renewalPart;
      held.refusal = null;
      return issued;
    } catch (error) {
      held.refusal = explained(error, { kind: 'ServiceAccount', namespace, name });
      held.renewAt = now() + pauseMs;
      throw held.refusal;
    } finally {
      held.asking = null;
    }
  }

  async function tokenOf(client: Client, account: Account): Promise<string> {
    const key = JSON.stringify([account.namespace, account.name, account.audience]);
    const held = tokens.get(key) ?? newToken(key);
    const usable = held.issued !== null && holds(held.issued) ? held.issued : null;
    const isDue = now() >= held.renewAt || (usable === null && held.refusal === null);
    if (isDue) held.asking ??= ask(client, account, held);
    if (usable) {
      // Whoever needs a token when this one has ended hears of it.
      held.asking?.catch(() => undefined);
      return usable.token;
    }
    if (held.asking === null) throw held.refusal;
    return (await held.asking).token;
  }

  const holds = ({ expiresAt }: IssuedToken) => now() < expiresAt - marginMs;

  function newToken(key: string): HeldToken {
    for (const [old, { issued, asking, renewAt }] of tokens) {
      const isOver = issued === null ? now() >= renewAt : !holds(issued);
      if (isOver && asking === null) tokens.delete(old);
    }
    const held: HeldToken = { issued: null, renewAt: 0, asking: null, refusal: null };
    tokens.set(key, held);
    return held;
  }

  function readSecret(client: Client, place: Named): Promise<SecretValues> {
    const key = `${place.namespace}/${place.name}`;
    const known = secrets.get(key);
    if (known && now() - known.at < secretIsFreshMs) return known.read;
    for (const [old, { at }] of secrets) if (now() - at >= secretIsFreshMs) secrets.delete(old);
    const read = client.getSecret(place).catch((error: unknown) => {
      throw explained(error, { kind: 'Secret', ...place });
    });
    secrets.set(key, { read, at: now() });
    return read;
  }

  return {
    of(namespace, { serviceAccountRef, secretRef }) {
      if (!kubernetes) {
        throw fixSpec(
          'IdentityNeedsKubernetes',
          'auth needs manifests from Kubernetes, where its ServiceAccount or Secret is: leave auth out, and the identity of the operator is used',
        );
      }
      const named: Identified | null = serviceAccountRef
        ? { kind: 'ServiceAccount', namespace, name: serviceAccountRef.name }
        : secretRef
          ? { kind: 'Secret', namespace, name: secretRef.name }
          : null;
      if (!named) throw fixSpec('IdentityMissing', 'auth names no identity: give serviceAccountRef or secretRef');
      const { kind, name } = named;
      return {
        label: labelOf(named),
        async token(audience) {
          if (kind !== 'ServiceAccount') throw unfit(named, 'issue a token');
          return tokenOf(kubernetes, { namespace, name, audience });
        },
        async secretValue(key) {
          if (kind !== 'Secret') throw unfit(named, 'hold credentials');
          const values = await readSecret(kubernetes, { namespace, name });
          if (values === null) throw missing(named);
          return Object.hasOwn(values, key) ? (values[key]?.toString('utf8') ?? null) : null;
        },
      };
    },
  };
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

interface Account extends Named {
  readonly audience: string;
}

interface Identified extends Named {
  readonly kind: 'ServiceAccount' | 'Secret';
}

function labelOf({ kind, namespace, name }: Identified): string {
  return `${kind} ${namespace}/${name}`;
}

function unfit(named: Identified, what: string): SyncError {
  return fixSpec('IdentityUnfit', `${labelOf(named)} cannot ${what}: name the other kind in auth`);
}

function missing(named: Identified): SyncError {
  return new SyncError({
    remedy: 'SlowRetry',
    reason: 'IdentityMissing',
    message: `${labelOf(named)} does not exist: create it, or name another in auth`,
  });
}

/** Says of a failure of Kubernetes what it means for whoever named the identity. */
function explained(error: unknown, named: Identified): unknown {
  if (!(error instanceof SyncError)) return error;
  if (error.code === '404') return missing(named);
  if (error.reason !== 'Forbidden') return error;
  const { remedy, reason, message, code } = error;
  const value = named.kind === 'Secret' ? 'secrets' : 'serviceAccounts';
  return new SyncError({
    remedy,
    reason,
    message: `${message}; the chart does so with operator.identities.${value}`,
    ...(code === undefined ? {} : { code }),
  });
}
