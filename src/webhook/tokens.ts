import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { InputError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { type FileTexts, followFiles, readFiles } from './followed-files.ts';
import type { Notify } from './notices.ts';
import type { TokenSettings } from './settings.ts';

const tokenHeader = 'x-vault-secret-sync-token';
/** The only one in which Amazon Data Firehose sends a credential. */
const firehoseHeader = 'x-amz-firehose-access-key';

/** A token that was presented and is known. */
export interface KnownToken {
  /** The only Vault that its bearer may speak for, null = any. */
  readonly vault: string | null;
  /** Tells its bearer from others, also after the token was exchanged for another one of the same entry. */
  readonly entry: number;
}

export interface Tokens {
  /** Whether there is any. */
  readonly any: boolean;
  /**
   * They come as `Authorization: Bearer …` (`Splunk …` from senders to a HEC), in `X-Vault-Secret-Sync-Token` or in
   * `X-Amz-Firehose-Access-Key`; null = none that is known. `connection`: the one they came on, whose next request most
   * likely presents the same.
   */
  find(headers: IncomingHttpHeaders, connection: object): KnownToken | null;
  close(): void;
}

/** What a connection has presented, alone, and was let in with. */
interface Presented {
  readonly authorization: Buffer;
  readonly token: KnownToken;
  /** All that were known then. */
  readonly among: readonly Digest[];
}

interface Digest extends KnownToken {
  readonly digest: Buffer;
}

/**
 * Reads the tokens of the settings, and follows their files: what stands in a file is let in, one token a line.
 * A file that holds none, or cannot be read any more, changes nothing until it can.
 * @throws InputError for a token or a file that is empty, and for a file that cannot be read
 */
export async function openTokens(options: {
  readonly tokens: readonly TokenSettings[];
  readonly clock: Clock;
  readonly notify: Notify;
}): Promise<Tokens> {
  const { tokens, clock, notify } = options;
  const written = tokens.flatMap(({ token, tokenFile, vault }, entry): Digest[] => {
    if (tokenFile !== undefined) return [];
    if (!token) throw new InputError('webhook.tokens holds an empty token: give it a value, or remove it');
    return [{ digest: digestOf(token), vault: vault ?? null, entry }];
  });
  const filed = tokens.flatMap(({ tokenFile, vault }, entry) =>
    tokenFile === undefined ? [] : [{ file: tokenFile, vault: vault ?? null, entry, digests: [] as Digest[] }],
  );

  /** Takes what the files hold; says of each that holds nothing. */
  const take = (texts: FileTexts, complain: (problem: string) => void): void => {
    for (const [index, known] of filed.entries()) {
      const read = texts[index];
      const lines = read && 'text' in read ? linesOf(read.text) : [];
      if (lines.length > 0) {
        known.digests = lines.map((line) => ({ digest: digestOf(line), vault: known.vault, entry: known.entry }));
        continue;
      }
      const why = read && 'unreadable' in read ? `cannot be read (${read.unreadable})` : 'is empty';
      complain(`webhook.tokens[${known.entry}].tokenFile: the file ${known.file} ${why}`);
    }
  };

  const files = filed.map(({ file }) => file);
  const read = await readFiles(files);
  take(read, (problem) => {
    throw new InputError(problem);
  });
  let digests = [...written, ...filed.flatMap((known) => known.digests)];
  const stop = followFiles({
    files,
    read,
    clock,
    changed(texts) {
      take(texts, (problem) =>
        notify({
          level: 'error',
          kind: 'token-file',
          fields: { why: problem },
          message: 'a file of tokens cannot be used: those it held before are still let in',
        }),
      );
      digests = [...written, ...filed.flatMap((known) => known.digests)];
      notify({
        level: 'info',
        kind: 'tokens-read',
        fields: { tokens: digests.length },
        message: 'the files of webhook.tokens have changed, and were read',
      });
    },
  });

  const latest = new WeakMap<object, Presented>();

  return {
    any: tokens.length > 0,
    find(headers, connection) {
      const { authorization } = headers;
      const isAlone = headers[tokenHeader] === undefined && headers[firehoseHeader] === undefined;
      const before = latest.get(connection);
      if (before && isAlone && before.among === digests && isSame(before.authorization, authorization)) {
        return before.token;
      }
      let found: KnownToken | null = null;
      for (const presented of presentedTokens(headers)) {
        const digest = digestOf(presented);
        // Every known token is compared, so that the time taken does not tell which one was near.
        for (const known of digests) if (timingSafeEqual(digest, known.digest)) found = known;
      }
      if (found !== null && isAlone && authorization !== undefined) {
        latest.set(connection, { authorization: bytesOf(authorization), token: found, among: digests });
      }
      return found;
    },
    close: stop,
  };
}

/** A proxy may send for many on one connection: here too the time taken must not tell how near a guess was. */
function isSame(before: Buffer, authorization: string | undefined): boolean {
  if (authorization?.length !== before.length) return false;
  return timingSafeEqual(Buffer.from(authorization, 'latin1'), before);
}

/** Of its own memory: what is cut from Node's pool would keep much more of it. */
function bytesOf(authorization: string): Buffer {
  const bytes = Buffer.alloc(authorization.length);
  bytes.write(authorization, 'latin1');
  return bytes;
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function presentedTokens(headers: IncomingHttpHeaders): string[] {
  const bearer = /^(?:bearer|splunk) +(.+)$/i.exec(headers.authorization ?? '')?.[1];
  const own = [headers[tokenHeader], headers[firehoseHeader]].map((token) => (typeof token === 'string' ? token : ''));
  return [bearer ?? '', ...own].map((token) => token.trim()).filter((token) => token !== '');
}

/** Of one length whatever the token's, as the comparison needs it. */
function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
