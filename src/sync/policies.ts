import { fixSpec, type SyncError } from '../errors.ts';
import { compileGlob } from '../paths/glob.ts';

/** What the settings allow; see `Policy` in the settings. */
export interface Policy {
  readonly namespaces: readonly string[];
  readonly vaults: readonly string[];
  readonly paths: readonly string[];
  readonly destinations: readonly string[];
  readonly roles: readonly string[];
}

/** One thing that a sync wants to do. */
export interface Wish {
  /** Kubernetes namespace of the sync. */
  readonly namespace: string;
  /** Name of the Vault. */
  readonly vault: string;
  /** `[<Vault namespace>/]<mount>/<name>`. */
  readonly path: string;
  /** `<place>/<name>`, e.g. `aws:eu-west-1:/team-a/db`. */
  readonly destination: string;
  /** AWS role to assume, if any. */
  readonly role: string | undefined;
}

/** Tells what the settings' policies allow; null = allowed, else the error with the sentence to add. */
export type PolicyCheck = (wish: Wish) => SyncError | null;

/** Compiles policies once. What no policy allows is refused. */
export function compilePolicies(policies: readonly Policy[]): PolicyCheck {
  const compiled = policies.map((policy) => ({
    namespaces: anyOf(policy.namespaces),
    vaults: anyOf(policy.vaults),
    paths: anyOf(policy.paths),
    destinations: anyOf(policy.destinations),
    roles: anyOf(policy.roles),
  }));
  return (wish) => {
    const allowed = compiled.some(
      (policy) =>
        policy.namespaces(wish.namespace) &&
        policy.vaults(wish.vault) &&
        policy.paths(wish.path) &&
        policy.destinations(wish.destination) &&
        (wish.role === undefined || policy.roles(wish.role)),
    );
    return allowed ? null : refuse(wish);
  };
}

function anyOf(globs: readonly string[]): (text: string) => boolean {
  const tests = globs.map(compileGlob);
  return (text) => tests.some((test) => test(text));
}

function refuse(wish: Wish): SyncError {
  const entry = {
    namespaces: [wish.namespace],
    vaults: [wish.vault],
    paths: [wish.path],
    destinations: [wish.destination],
    ...(wish.role === undefined ? {} : { roles: [wish.role] }),
  };
  return fixSpec(
    'PolicyDenied',
    `no policy lets namespace "${wish.namespace}" copy ${wish.path} of Vault "${wish.vault}" to ${wish.destination}` +
      `${wish.role === undefined ? '' : ` as ${wish.role}`}; whoever runs the operator can allow it with the setting ` +
      `policies: [${JSON.stringify(entry)}]`,
  );
}
