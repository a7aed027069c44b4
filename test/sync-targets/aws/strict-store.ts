import type { IncomingMessage } from 'node:http';
import type { AwsDestination } from '../../../src/crd/destinations/aws.ts';
import { type AwsSettings, aws } from '../../../src/sync-targets/aws/index.ts';
import type { Desired, Observed, Target } from '../../../src/sync-targets/contract.ts';
import { listenOnLoopback } from '../../peers/forward.ts';
import { createContext, createManualClock, desire, type ManualClock, secretValue } from '../conformance/under-test.ts';
import { isAllowed, type Policy } from './strict-permissions.ts';
import { AwsError, type Given, StrictSecrets } from './strict-secrets.ts';

/**
 * A small AWS Secrets Manager for what moto does not enforce: replicas with keys, that take time and fail; deletions under
 * way; public policies; the number of versions; and who may do what. Nothing else is tested against it.
 */
export interface StrictStore {
  readonly secrets: StrictSecrets;
  readonly target: Target;
  readonly clock: ManualClock;
  /** Operations in the order of arrival, since the start or `forget`. */
  readonly operations: readonly string[];
  forget(): void;
  /** From now on only what the policy allows is done; null = everything. */
  permit(policy: Policy | null): void;
  /** A copy that must be. */
  desire(name: string, aws: AwsDestination, wish?: { readonly value?: string; readonly version?: number }): Desired;
  /** What is there, with all that the destination has a word about. */
  look(name: string, destination?: AwsDestination): Promise<Observed>;
  /** The same as a listing shows it. */
  list(name: string): Promise<Observed>;
  readonly signal: AbortSignal;
  close(): Promise<void>;
}

const owner = '0123456789abcdef0123456789abcdef';

const settings: AwsSettings = { region: 'eu-west-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

export async function openStrictStore(): Promise<StrictStore> {
  const clock = createManualClock(Date.parse('2026-11-21T00:00:00Z'));
  const secrets = new StrictSecrets(clock.now);
  /** Nobody gives up. */
  const { signal } = new AbortController();
  let operations: string[] = [];
  let permitted: Policy | null = null;

  const judge = (operation: string, given: Given): void => {
    if (permitted === null) return;
    const requestTags = new Set(given.Tags?.map(({ Key }) => Key));
    const resourceTags = operation === 'CreateSecret' ? requestTags : secrets.tagsOf(given.SecretId);
    const denied = actionsOf(operation, given).find(
      (action) => permitted && !isAllowed(permitted, { action, resourceTags, requestTags }),
    );
    if (denied === undefined) return;
    const message = `User: arn:aws:sts::1:assumed-role/vss is not authorized to perform: ${denied} on resource: x because no identity-based policy allows the ${denied} action`;
    throw new AwsError('AccessDeniedException', message);
  };

  const server = await listenOnLoopback(async (incoming, response) => {
    const given = JSON.parse(await textOf(incoming)) as Given;
    const operation = String(incoming.headers['x-amz-target']).replace('secretsmanager.', '');
    operations.push(operation);
    const reply = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    };
    try {
      judge(operation, given);
      reply(200, secrets.answer(operation, given));
    } catch (error) {
      if (error instanceof AwsError) reply(400, { __type: error.code, message: error.message });
      else reply(500, { __type: 'InternalServiceError', message: String(error) });
    }
  });

  const context = createContext({ settings: { ...settings, endpoint: server.url }, clock, errors: [] });
  const target = aws.open({ aws: {} }, context);
  return {
    secrets,
    target,
    clock,
    signal,
    get operations() {
      return operations;
    },
    forget() {
      operations = [];
    },
    permit(policy) {
      permitted = policy;
    },
    desire(name, destination, { value = secretValue(name), version = 1 } = {}) {
      return desire({
        name,
        value,
        version,
        destination: { aws: destination },
        owner,
      });
    },
    async look(name, destination) {
      const observed = await target.describe(name, signal, destination && { aws: destination });
      if (observed === null) throw new Error(`${name} is absent`);
      return observed;
    },
    async list(name) {
      const listed = await Array.fromAsync(target.list?.(owner, signal) ?? []);
      const observed = listed.find((one) => one.name === name);
      if (!observed) throw new Error(`${name} is not in the listing`);
      return observed;
    },
    async close() {
      await target.close?.();
      await server.stop();
    },
  };
}

/** What a request needs to be allowed (the operation's page in the API reference, "Required permissions"). */
function actionsOf(operation: string, { Tags = [], AddReplicaRegions = [] }: Given): string[] {
  const also = operation === 'CreateSecret';
  return [
    `secretsmanager:${operation}`,
    ...(also && Tags.length > 0 ? ['secretsmanager:TagResource'] : []),
    ...(also && AddReplicaRegions.length > 0 ? ['secretsmanager:ReplicateSecretToRegions'] : []),
  ];
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
