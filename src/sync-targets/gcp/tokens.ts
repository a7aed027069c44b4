/** The scope of every token we ask for: what it may do, IAM says. */
export const cloudScope = 'https://www.googleapis.com/auth/cloud-platform';

/** A token is renewed this long before its end, or at half its life if that is shorter; in milliseconds. */
const renewalMs = 5 * 60_000;

/** How long a token that still holds is used on after a renewal failed, in milliseconds. */
const renewalPauseMs = 30_000;

/** What proves to Google who calls. */
export interface TokenSource {
  /** Headers to go with a call. @throws SyncError */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** Google did not take what we sent: the next call comes with something new. */
  forget(): void;
}

export interface Token {
  readonly value: string;
  /** Unix time in milliseconds. */
  readonly endsAt: number;
}

export interface TokenCacheOptions<Source> {
  /** What a token is made from; another one than before makes a new token at once. @throws SyncError */
  source(): Promise<Source>;
  /** @throws SyncError */
  tokenFrom(source: Source): Promise<Token>;
  /** Unix time in milliseconds. */
  now(): number;
}

interface Held<Source> extends Token {
  readonly source: Source;
  renewAt: number;
}

/** Keeps a token until shortly before its end. Calls at one time wait for one exchange. */
export function createTokenCache<Source>({ source, tokenFrom, now }: TokenCacheOptions<Source>): TokenSource {
  let held: Held<Source> | null = null;
  let pending: { readonly source: Source; readonly exchange: Promise<Held<Source>> } | null = null;
  // Raised by `forget`: an exchange that began before it brings nothing that is kept.
  let generation = 0;

  async function exchange(from: Source): Promise<Held<Source>> {
    const begunAt = now();
    const begunIn = generation;
    const token = await tokenFrom(from);
    const renewAt = token.endsAt - Math.min(renewalMs, Math.max(0, token.endsAt - begunAt) / 2);
    const fresh = { ...token, source: from, renewAt };
    if (generation === begunIn) held = fresh;
    return fresh;
  }

  function renew(from: Source): Promise<Held<Source>> {
    if (pending?.source === from) return pending.exchange;
    const mine = { source: from, exchange: exchange(from) };
    const done = (): void => {
      if (pending === mine) pending = null;
    };
    mine.exchange.then(done, done);
    pending = mine;
    return mine.exchange;
  }

  return {
    async headers() {
      const current = await source();
      const usable = held && held.source === current && now() < held.endsAt ? held : null;
      if (usable && now() < usable.renewAt) return headersOf(usable);
      try {
        return headersOf(await renew(current));
      } catch (error) {
        if (!usable) throw error;
        usable.renewAt = now() + renewalPauseMs;
        return headersOf(usable);
      }
    },
    forget() {
      generation += 1;
      held = null;
      pending = null;
    },
  };
}

function headersOf({ value }: Token): Record<string, string> {
  return { authorization: `Bearer ${value}` };
}
