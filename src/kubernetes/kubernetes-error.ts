import { type Remedy, SyncError } from '../errors.ts';
import type { Attempt } from './attempt.ts';
import { failureOf } from './failure.ts';

/**
 * Says what was tried and what to do. The library's message is never used: it holds headers and bodies. Of the API server's
 * answer only the reason and the names of fields are, for its text may quote what was sent.
 */
export function toKubernetesError(error: unknown, attempt: Attempt): SyncError {
  if (error instanceof SyncError) return error;
  const failure = failureOf(error);
  const tried = describeAttempt(attempt);
  const { remedy, reason, message } =
    failure.status === null
      ? unanswered(failure.code, tried)
      : answered({ ...failure, status: failure.status }, attempt);
  return new SyncError({
    remedy,
    reason,
    message,
    cause: error,
    code: failure.status === null ? failure.code : String(failure.status),
    ...(failure.retryAfterMs === null ? {} : { retryAfterMs: failure.retryAfterMs }),
  });
}

interface Verdict {
  readonly remedy: Remedy;
  readonly reason: string;
  readonly message: string;
}

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly string[];
  readonly lacksPermission: boolean;
}

function answered({ status, reason, fields, lacksPermission }: Answer, attempt: Attempt): Verdict {
  const tried = describeAttempt(attempt);
  const said = reason === '' ? `HTTP ${status}` : `HTTP ${status}, ${reason}`;
  if (status === 403 && lacksPermission) {
    const message = `Kubernetes does not allow us to ${tried}: add to ${roleFor(attempt)} ${ruleFor(attempt)}`;
    return { remedy: 'SlowRetry', reason: 'Forbidden', message };
  }
  if (status === 403) {
    const message = `Kubernetes did not let us ${tried}, though RBAC allows it: a quota, an admission policy or a namespace that is being deleted forbids it`;
    return { remedy: 'SlowRetry', reason: 'Forbidden', message };
  }
  if (status === 401) {
    const message = `Kubernetes does not accept our credentials (tried to ${tried}): check the kubeconfig, or that the pod's ServiceAccount exists and its token is mounted`;
    return { remedy: 'SlowRetry', reason: 'Unauthorized', message };
  }
  if (status === 404 && attempt.name === undefined) {
    const message = `Kubernetes does not know ${resourceOf(attempt)}: apply its CustomResourceDefinition (deploy/crds)`;
    return { remedy: 'SlowRetry', reason: 'NotFound', message };
  }
  if (status === 404) {
    return { remedy: 'SlowRetry', reason: 'NotFound', message: `cannot ${tried}: it does not exist; create it` };
  }
  if (status === 429)
    return { remedy: 'RateLimited', reason: 'RateLimited', message: `Kubernetes asks us to wait (${tried})` };
  if (status === 400 || status === 422) {
    const which = fields.length > 0 ? ` because of ${fields.join(', ')}` : '';
    const message = `Kubernetes refused to ${tried}${which} (${said}): is the CustomResourceDefinition of this version applied?`;
    return { remedy: 'SlowRetry', reason: reason || 'Invalid', message };
  }
  return {
    remedy: 'Retry',
    reason: reason || 'Failed',
    message: `Kubernetes could not ${tried} (${said}); trying again`,
  };
}

function unanswered(code: string, tried: string): Verdict {
  if (/CERT|SIGNATURE|SELF_SIGNED|TLS/i.test(code)) {
    const message = `the API server's certificate is not trusted (${code}; tried to ${tried}): correct the certificate authority in the kubeconfig`;
    return { remedy: 'SlowRetry', reason: 'NotTrusted', message };
  }
  return {
    remedy: 'Retry',
    reason: 'Unreachable',
    message: `the API server does not answer (${code}; tried to ${tried})`,
  };
}

function describeAttempt(attempt: Attempt): string {
  const { verb, namespace, name } = attempt;
  const what = resourceOf(attempt);
  if (name !== undefined) return `${verb} ${what} ${namespace === undefined ? name : `${namespace}/${name}`}`;
  return `${verb} ${what} in ${namespace === undefined ? 'all namespaces' : `namespace ${namespace}`}`;
}

function resourceOf({ group, resource }: Attempt): string {
  const [plural = '', subresource] = resource.split('/');
  const full = group === '' ? plural : `${plural}.${group}`;
  return subresource === undefined ? full : `${full} (${subresource})`;
}

function roleFor({ namespace }: Attempt): string {
  return namespace === undefined ? 'a ClusterRole' : `a Role in namespace ${namespace} (or a ClusterRole)`;
}

function ruleFor({ group, resource, verb }: Attempt): string {
  return `{apiGroups: ["${group}"], resources: ["${resource}"], verbs: ["${verb}"]}`;
}
