import type { IncomingMessage, ServerResponse } from 'node:http';
import { SyncError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { Answers } from './answers.ts';
import { BodyProblem, isHere, readBody, takeHere } from './body.ts';
import { type BodyReader, createBodyReaders } from './body-readers.ts';
import type { Authenticate } from './credentials.ts';
import type { Ingest } from './ingest.ts';
import type { Notify } from './notices.ts';
import type { ReconcileRequests } from './reconcile-requests.ts';
import type { SenderLimits } from './sender-limits.ts';
import type { WebhookLimits } from './settings.ts';
import type { Claims, WhichVault } from './which-vault.ts';

/** Jobs gathered from one body before they are handed to the queue: few, so that Redis is busy while the rest of it is read. */
const maxGathered = 1_000;
/** While too much is held in all, only requests that hold more than this are given up (bytes). */
const littleHeld = 1024 * 1024;

export interface ReceiveOptions {
  readonly ingest: Ingest;
  readonly requests: ReconcileRequests;
  readonly authenticate: Authenticate;
  readonly senderLimits: SenderLimits;
  readonly whichVault: (claims: Claims) => WhichVault;
  readonly limits: WebhookLimits;
  readonly metrics: Metrics;
  readonly notify: Notify;
  readonly answers: Answers;
  /** Answers a request that failed for no reason known here. */
  readonly fail: (error: unknown, response: ServerResponse) => void;
}

/** Reads what a sender posts and answers it, also when that fails; `vaultInPath`: `<vault>` of `/events/<vault>`. */
export type Receive = (request: IncomingMessage, response: ServerResponse, vaultInPath: string | undefined) => void;

/**
 * Makes the one road of events from HTTP to the queue: who sends, of which Vault, then the body, then the answer. A body of
 * few lines mostly comes in one packet with its head: no promise is made for it, nor a listener, unless it has jobs.
 */
export function createReceive(options: ReceiveOptions): Receive {
  const { ingest, requests, senderLimits, limits, metrics, notify, answers, fail } = options;
  const readers = createBodyReaders({ ingest, maxLineBytes: limits.maxLineBytes });

  /** Bytes of unfinished lines, of all requests together. */
  const held = { bytes: 0 };

  const forbid = (request: IncomingMessage, response: ServerResponse): null => {
    metrics.ingestRefused.inc({ reason: 'forbidden' });
    notify({
      level: 'warn',
      kind: 'forbidden',
      fields: { from: request.socket.remoteAddress },
      message:
        'events refused: the token or certificate is for one Vault; the path, the header X-Vault-Tenant or the other credential is for another',
    });
    answers.turnAway(response, 403);
    return null;
  };

  /** Null when the request was refused and answered. */
  const sourceOf = (request: IncomingMessage, response: ServerResponse, path: string | undefined): Source | null => {
    const sender = options.authenticate(request);
    if (sender === 'unknown') {
      metrics.ingestRefused.inc({ reason: 'unauthorized' });
      notify({
        level: 'warn',
        kind: 'unauthorized',
        fields: { from: request.socket.remoteAddress },
        message:
          'events refused: no valid token, or no certificate that is let in; what this sender reports is lost until it presents what webhook.tokens and webhook.http.tls.clients want',
      });
      answers.turnAway(response, 401, { 'WWW-Authenticate': 'Bearer' });
      return null;
    }
    if (sender === 'torn') return forbid(request, response);
    const tenant = request.headers['x-vault-tenant'];
    const which = options.whichVault({ path, sender, tenant: typeof tenant === 'string' ? tenant : undefined });
    if ('vault' in which) return { vault: which.vault, key: sender.key };
    if (which.refused === 'forbidden') return forbid(request, response);
    metrics.ingestRefused.inc({ reason: 'unknownVault' });
    notify({
      level: 'warn',
      kind: 'unknown-vault',
      fields: { from: request.socket.remoteAddress },
      message:
        'events dropped: they do not tell which Vault they come from; send them to /events/<name of the Vault>, or with the header X-Vault-Tenant: <its address>',
    });
    answers.accept(response);
    return null;
  };

  /** Too much at once: what was reported is looked for when there is time. */
  const giveUp = (response: ServerResponse, vault: string): void => {
    requests.ask(vault, 'refused');
    answers.refuse(response, 'tooMany');
  };

  const answerProblem = (response: ServerResponse, vault: string, problem: Problem): void => {
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
        answers.turnAway(response, 413);
        return;
      case 'crowded':
        notify({
          level: 'warn',
          kind: 'crowded',
          fields: { vault },
          message: 'a body was not read to its end, for more unfinished lines are held than memory is meant for',
        });
        giveUp(response, vault);
        return;
      case 'aborted':
        metrics.ingestRefused.inc({ reason: 'aborted' });
        // Not every sender comes again.
        requests.ask(vault, 'cut');
        response.destroy();
        return;
      case 'encoding':
        answers.accept(response);
        return;
      default:
        problem satisfies never;
    }
  };

  /** Answers once the body was read and its jobs were handed in. */
  const answerAfter = async (work: Promise<Problem | null>, response: ServerResponse, vault: string): Promise<void> => {
    let problem: Problem | null;
    try {
      problem = await work;
    } catch (error) {
      requests.ask(vault, 'refused');
      if (!(error instanceof SyncError)) throw error;
      answers.refuse(response, 'queue');
      return;
    }
    if (problem === null) answers.accept(response);
    else answerProblem(response, vault, problem);
  };

  const readToEnd = async (request: IncomingMessage, response: ServerResponse, vault: string) => {
    const body = readers.open(vault, request.headers['content-type']);
    if (request.headers.expect !== undefined) response.writeContinue();
    const problem = await readInto({ body, request, limits, held });
    await body.intake.commit();
    return problem;
  };

  const handIn = async (body: BodyReader, vault: string): Promise<null> => {
    await body.intake.commit();
    readers.giveBack(vault, body);
    return null;
  };

  /** Null when it is answered already. */
  const receiveHere = (request: IncomingMessage, response: ServerResponse, vault: string): Promise<void> | null => {
    const bytes = takeHere(request);
    const body = readers.forWhole(vault, bytes, request.headers['content-type']);
    if (bytes !== null) body.reader.push(bytes, true);
    body.reader.end();
    if (body.intake.size > 0) return answerAfter(handIn(body, vault), response, vault);
    body.intake.report();
    readers.giveBack(vault, body);
    answers.accept(response);
    return null;
  };

  const begin = (request: IncomingMessage, response: ServerResponse, { vault, key }: Source): void => {
    let rest: Promise<void> | null;
    try {
      rest = isHere(request, limits.maxBodyBytes)
        ? receiveHere(request, response, vault)
        : answerAfter(readToEnd(request, response, vault), response, vault);
    } catch (error) {
      requests.ask(vault, 'refused');
      rest = Promise.reject(error);
    }
    if (rest === null) senderLimits.leave(key);
    else void rest.catch((error: unknown) => fail(error, response)).finally(() => senderLimits.leave(key));
  };

  return (request, response, vaultInPath) => {
    const source = sourceOf(request, response, vaultInPath);
    if (source === null) return;
    const { vault, key } = source;
    if (!senderLimits.enter(key)) {
      notify({
        level: 'warn',
        kind: 'too-many',
        fields: { vault, sender: key },
        message:
          'requests answered 503: this sender sends more than webhook.http.maxRequestsPerSender or requestsPerSecond; let it batch more',
      });
      giveUp(response, vault);
      return;
    }
    // Node runs it when it has handed on what came in one packet with the head.
    process.nextTick(begin, request, response, source);
  };
}

interface Source {
  readonly vault: string;
  readonly key: string;
}

/** `crowded`: too much is held for all requests together. */
type Problem = BodyProblem['kind'] | 'crowded';

/** Thrown into a body that is given up for the sake of the others. */
class Crowded extends Error {}

/**
 * Reads the body piece by piece; null when it was read to its end.
 * @throws SyncError `Retry` when the queue does not take what was gathered so far
 */
async function readInto(options: {
  readonly body: BodyReader;
  readonly request: IncomingMessage;
  readonly limits: WebhookLimits;
  readonly held: { bytes: number };
}): Promise<Problem | null> {
  const { body, request, limits, held } = options;
  const { reader, intake } = body;
  let holds = 0;
  try {
    await readBody(request, limits, (piece) => {
      reader.push(piece);
      held.bytes += reader.heldBytes - holds;
      holds = reader.heldBytes;
      if (held.bytes > limits.maxHeldBytes && holds > littleHeld) throw new Crowded();
      return intake.size < maxGathered ? null : intake.commit();
    });
  } catch (error) {
    if (error instanceof Crowded) return 'crowded';
    if (!(error instanceof BodyProblem)) throw error;
    if (error.kind === 'encoding') reader.malformed('BadEncoding');
    return error.kind;
  } finally {
    held.bytes -= holds;
  }
  reader.end();
  return null;
}
