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

/** One thing that a sync wants to do; `null` = not part of the question. */
export interface Wish {
  /** Kubernetes namespace of the sync. */
  readonly namespace: string;
  /** Name of the Vault. */
  readonly vault: string | null;
  /** `[<Vault namespace>/]<mount>/<name>`. */
  readonly path: string | null;
  /** `<place>/<name>`, e.g. `aws:eu-west-1:/team-a/db`. */
  readonly destination: string | null;
  /** AWS role to assume, if any. */
  readonly role: string | undefined;
}

/** Tells what the settings' policies allow; null = allowed, else the error with the sentence to add. */
export type PolicyCheck = (wish: Wish) => SyncError | null;

/** Compiles policies once. What no policy allows is refused. */
export function compilePolicies(policies: readonly Policy[]): PolicyCheck {
  const byNamespace = new Map<string, CompiledPolicy[]>();
  return (wish) => {
    const compiled = byNamespace.get(wish.namespace) ?? policies.map((policy) => compileFor(wish.namespace, policy));
    byNamespace.set(wish.namespace, compiled);
    const allowed = compiled.some(
      (policy) =>
        policy.namespaces(wish.namespace) &&
        (wish.vault === null || policy.vaults(wish.vault)) &&
        (wish.path === null || policy.paths(wish.path)) &&
        (wish.destination === null || policy.destinations(wish.destination)) &&
        (wish.role === undefined || policy.roles(wish.role)),
    );
    return allowed ? null : refuse(wish);
  };
}

type CompiledPolicy = Readonly<Record<keyof Policy, (text: string) => boolean>>;

/** `$namespace` in a policy stands for the sync's own namespace, which Kubernetes keeps free of `*` and `/`. */
function compileFor(namespace: string, policy: Policy): CompiledPolicy {
  const anyOf = (globs: readonly string[]) => matchAny(globs.map((glob) => glob.replaceAll('$namespace', namespace)));
  return {
    namespaces: anyOf(policy.namespaces),
    vaults: anyOf(policy.vaults),
    paths: anyOf(policy.paths),
    destinations: anyOf(policy.destinations),
    roles: anyOf(policy.roles),
  };
}

function matchAny(globs: readonly string[]): (text: string) => boolean {
  const tests = globs.map(compileGlob);
  return (text) => tests.some((test) => test(text));
}

function refuse(wish: Wish): SyncError {
  const { namespace, vault, path, destination, role } = wish;
  const entry = {
    namespaces: [namespace],
    vaults: [vault ?? '**'],
    paths: [path ?? '**'],
    destinations: [destination ?? '**'],
    ...(role === undefined ? {} : { roles: [role] }),
  };
  const what = path === null ? 'write' : `copy ${path} of Vault "${vault}" to ${destination}`;
  return fixSpec(
    'PolicyDenied',
    `no policy lets namespace "${namespace}" ${what}` +
      `${role === undefined ? '' : ` as ${role}`}; whoever runs the operator can allow it with the setting ` +
      `policies: [${JSON.stringify(entry)}]`,
  );
}
