import { status } from '@grpc/grpc-js';
import type { Operation } from './permissions.ts';
import type { Project } from './resources.ts';
import { StatusError } from './status.ts';

/** Calls that the service takes; 0 = any number. */
export interface Quotas {
  /** Of each project within a minute; Google: 600. */
  readonly writesPerMinute: number;
  /** The same for calls that read, other than those that access a value; Google: 600. */
  readonly readsPerMinute: number;
  /** The same for calls that access a value; Google: 90,000. */
  readonly accessesPerMinute: number;
  /** Whether one secret, and one version, takes only so many changes as with Google. */
  readonly ofSecrets: boolean;
}

export interface QuotaOptions extends Quotas {
  readonly projects: readonly Project[];
  now(): Date;
}

/** Counts the calls of each project and each secret, in windows that slide. What it refuses does not count. */
export interface Quota {
  /** Counts a call about a resource. @throws StatusError RESOURCE_EXHAUSTED, when there were too many */
  take(operation: Operation, resource: string): void;
}

type Kind = 'access' | 'read' | 'write';

interface Limit {
  readonly key: string;
  readonly calls: number;
  readonly withinMs: number;
  refusal(): StatusError;
}

const second = 1_000;
const minute = 60_000;

export function createQuota(options: QuotaOptions): Quota {
  const taken = new Map<string, number[]>();

  function recentOf(key: string, since: number): number[] {
    const times = taken.get(key) ?? [];
    while (times[0] !== undefined && times[0] <= since) times.shift();
    taken.set(key, times);
    return times;
  }

  return {
    take(operation, resource) {
      const project = projectOf(resource, options.projects);
      if (!project) return;
      const name = resource.replace(/^projects\/[^/]+/, `projects/${project.number}`);
      const limits = [
        ...projectLimits(kindOf(operation), project, options),
        ...(options.ofSecrets ? limitsOf(operation, name) : []),
      ];
      const now = options.now().getTime();
      for (const { key, calls, withinMs, refusal } of limits)
        if (recentOf(key, now - withinMs).length >= calls) throw refusal();
      for (const { key } of limits) taken.get(key)?.push(now);
    },
  };
}

function projectOf(resource: string, projects: readonly Project[]): Project | undefined {
  const reference = resource.split('/')[1];
  return projects.find(({ id, number }) => reference === id || reference === number);
}

// docs/quotas: access is the method of that name; all else that changes nothing reads; the rest writes.
function kindOf(operation: Operation): Kind {
  if (operation === 'accessSecretVersion') return 'access';
  return /^(get|list)/.test(operation) ? 'read' : 'write';
}

function projectLimits(kind: Kind, project: Project, quotas: Quotas): Limit[] {
  const calls = { access: quotas.accessesPerMinute, read: quotas.readsPerMinute, write: quotas.writesPerMinute }[kind];
  if (calls === 0) return [];
  const refusal = (): StatusError => exceeded(kind, { project, calls });
  return [{ key: `${project.number} ${kind}`, calls, withinMs: minute, refusal }];
}

// docs/quotas: of a global secret 2 AddSecretVersion and UpdateSecret a second and 120 a minute, of a version one change of
// its state a second; regional ones take 80, 4,800 and 50. Google calls them soft, which this is not.
function limitsOf(operation: Operation, name: string): Limit[] {
  const isRegional = name.includes('/locations/');
  const refusal = exhausted;
  switch (operation) {
    case 'addSecretVersion':
    case 'updateSecret':
      return [
        { key: `${name} second`, calls: isRegional ? 80 : 2, withinMs: second, refusal },
        { key: `${name} minute`, calls: isRegional ? 4_800 : 120, withinMs: minute, refusal },
      ];
    case 'enableSecretVersion':
    case 'disableSecretVersion':
    case 'destroySecretVersion':
      return [{ key: name, calls: isRegional ? 50 : 1, withinMs: second, refusal }];
    default:
      return [];
  }
}

// The words as other services of Google have them; Secret Manager's own are not verified.
function exceeded(kind: Kind, { project, calls }: { project: Project; calls: number }): StatusError {
  const word = kind.charAt(0).toUpperCase() + kind.slice(1);
  const service = 'secretmanager.googleapis.com';
  return new StatusError(
    status.RESOURCE_EXHAUSTED,
    `Quota exceeded for quota metric '${word} requests' and limit '${word} requests per minute' of service '${service}' for consumer 'project_number:${project.number}'.`,
    [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'RATE_LIMIT_EXCEEDED',
        domain: 'googleapis.com',
        metadata: {
          service,
          consumer: `projects/${project.number}`,
          quota_metric: `${service}/${kind}_requests`,
          quota_limit: `${word}RequestsPerMinutePerProject`,
          quota_limit_value: String(calls),
          quota_location: 'global',
        },
      },
      {
        '@type': 'type.googleapis.com/google.rpc.Help',
        links: [
          {
            description: 'Request a higher quota limit.',
            url: 'https://cloud.google.com/docs/quotas/help/request_increase',
          },
        ],
      },
    ],
  );
}

// What is said of a single secret is not documented: the text that Google has for all that is used up.
function exhausted(): StatusError {
  return new StatusError(status.RESOURCE_EXHAUSTED, 'Resource has been exhausted (e.g. check quota).');
}
