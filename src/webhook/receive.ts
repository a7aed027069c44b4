import type { IncomingMessage, ServerResponse } from 'node:http';
import { SyncError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { Answers } from './answers.ts';
import { AuditReader } from './audit/reader.ts';
import { BodyProblem, readBody } from './body.ts';
import type { Authenticate } from './credentials.ts';
import type { Ingest } from './ingest.ts';
import type { Intake } from './intake.ts';
import type { Notify } from './notices.ts';
import type { ReconcileRequests } from './reconcile-requests.ts';
import type { WebhookLimits } from './settings.ts';
import type { Claims, WhichVault } from './which-vault.ts';

/** Jobs gathered from one body before they are handed to the queue. */
const maxGathered = 10_000;

export interface ReceiveOptions {
  readonly ingest: Ingest;
  readonly requests: ReconcileRequests;
  readonly authenticate: Authenticate;
  readonly whichVault: (claims: Claims) => WhichVault;
  readonly limits: WebhookLimits;
  readonly metrics: Metrics;
  readonly notify: Notify;
  readonly answers: Answers;
}

/** Reads what a sender posts and answers it; `vaultInPath`: `<vault>` of `/events/<vault>`. */
export type Receive = (
  request: IncomingMessage,
  response: ServerResponse,
  vaultInPath: string | undefined,
) => Promise<void>;

/** Makes the one road of events from HTTP to the queue: who sends, of which Vault, then the body, then the answer. */
export function createReceive(options: ReceiveOptions): Receive {
  const { ingest, requests, limits, metrics, notify, answers } = options;

  /** Null when the request was refused and answered. */
  const vaultOf = (request: IncomingMessage, response: ServerResponse, path: string | undefined): string | null => {
    const sender = options.authenticate(request.headers);
    if (!sender) {
      metrics.ingestRefused.inc({ reason: 'unauthorized' });
      notify({
        level: 'warn',
        kind: 'unauthorized',
        fields: { from: request.socket.remoteAddress },
        message:
          'events refused: no valid token; what this sender reports is lost until it sends one of webhook.tokens',
      });
      answers.answer(response, 401, { 'WWW-Authenticate': 'Bearer' });
      return null;
    }
    const tenant = request.headers['x-vault-tenant'];
    const which = options.whichVault({ path, sender, tenant: typeof tenant === 'string' ? tenant : undefined });
    if ('vault' in which) return which.vault;
    if (which.refused === 'forbidden') {
      metrics.ingestRefused.inc({ reason: 'forbidden' });
      notify({
        level: 'warn',
        kind: 'forbidden',
        fields: { from: request.socket.remoteAddress },
        message: 'events refused: the token is for one Vault, the path or the header X-Vault-Tenant names another',
      });
      answers.answer(response, 403);
      return null;
    }
    metrics.ingestRefused.inc({ reason: 'unknownVault' });
    notify({
      level: 'warn',
      kind: 'unknown-vault',
      fields: { from: request.socket.remoteAddress },
      message:
        'events dropped: they do not tell which Vault they come from; send them to /events/<name of the Vault>, or with the header X-Vault-Tenant: <its address>',
    });
    answers.answer(response, 200);
    return null;
  };

  const answerProblem = (response: ServerResponse, vault: string, problem: BodyProblem['kind']): void => {
    switch (problem) {
      case 'tooLarge':
        metrics.ingestRefused.inc({ reason: 'tooLarge' });
        notify({
          level: 'warn',
          kind: 'too-large',
          fields: { vault },
          message: 'a body was not read to its end, for it is beyond webhook.maxBodyBytes: let the sender batch less',
        });
        requests.ask(vault, 'tooLarge');
        answers.answer(response, 413, { Connection: 'close' });
        return;
      case 'aborted':
        metrics.ingestRefused.inc({ reason: 'aborted' });
        response.destroy();
        return;
      case 'encoding':
        notify({
          level: 'warn',
          kind: 'encoding',
          fields: { vault },
          message:
            'a body cannot be decompressed, and is lost: it is damaged, or let the sender use gzip, deflate, br, zstd or none',
        });
        answers.answer(response, 200);
        return;
      default:
        problem satisfies never;
    }
  };

  return async (request, response, vaultInPath) => {
    const vault = vaultOf(request, response, vaultInPath);
    if (vault === null) return;
    const intake = ingest.open(vault);
    let problem: BodyProblem['kind'] | null;
    try {
      problem = await readInto(intake, request, limits);
      await intake.commit();
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      requests.ask(vault, 'refused');
      answers.refuse(response, 'queue');
      return;
    }
    if (problem === null) answers.answer(response, 200);
    else answerProblem(response, vault, problem);
  };
}

/**
 * Reads the body piece by piece; null when it was read to its end.
 * @throws SyncError `Retry` when the queue does not take what was gathered so far
 */
async function readInto(
  intake: Intake,
  request: IncomingMessage,
  limits: WebhookLimits,
): Promise<BodyProblem['kind'] | null> {
  const reader = new AuditReader({ maxRecordBytes: limits.maxLineBytes, prefilter: true, sink: intake });
  try {
    await readBody(request, limits, (piece) => {
      reader.push(piece);
      return intake.size < maxGathered ? null : intake.commit();
    });
  } catch (error) {
    if (!(error instanceof BodyProblem)) throw error;
    if (error.kind === 'encoding') reader.malformed('BadEncoding');
    return error.kind;
  }
  reader.end();
  return null;
}
