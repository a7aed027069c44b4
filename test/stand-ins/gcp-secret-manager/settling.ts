import { type Secret, secretName } from './resources.ts';

/** A secret as it was until some moment; null = it was not there. */
interface Former {
  readonly name: string;
  /** Unix time in milliseconds of the write that ended it. */
  readonly until: number;
  readonly secret: Secret | null;
}

/**
 * What is not everywhere yet. docs/: "adding a secret version and then immediately accessing that secret version by version
 * number" is consistent, all else eventually so. Of that it does what can be told apart: lists of secrets and of versions,
 * and `latest`, show for so long after a write what was there before it.
 */
export interface Settling {
  /** From now on; what was written before counts by it too. 0 = everything is everywhere at once. */
  setMs(settlingMs: number): void;
  /** Everything that was written so far is everywhere now. */
  settle(): void;
  /** To be told before each change of a secret; `secret` as it is now, null = not there. */
  before(key: Pick<Secret, 'project' | 'location' | 'id'>, secret: Secret | null): void;
  /** The secret as a list or `latest` shows it; null = it does not. */
  seen(secret: Secret): Secret | null;
  /** Deleted ones that a list still shows, newest first. */
  stillSeen(isThere: (secret: Secret) => boolean): Secret[];
}

export function createSettling(options: { readonly settlingMs: number; readonly now: () => Date }): Settling {
  let { settlingMs } = options;
  let formers: Former[] = [];

  /** The oldest state that is not over everywhere. */
  function formerOf(name: string): Former | undefined {
    const since = options.now().getTime() - settlingMs;
    formers = formers.filter(({ until }) => until > since);
    return formers.find((former) => former.name === name);
  }

  return {
    setMs(ms) {
      settlingMs = ms;
    },
    settle() {
      formers = [];
    },
    before(key, secret) {
      if (settlingMs > 0)
        formers.push({ name: secretName(key), until: options.now().getTime(), secret: copyOf(secret) });
    },
    seen(secret) {
      const former = formerOf(secretName(secret));
      return former ? former.secret : secret;
    },
    stillSeen(isThere) {
      const names = new Set(formers.map(({ name }) => name));
      const shown = [...names].map((name) => formerOf(name)?.secret ?? null);
      return shown.filter((secret): secret is Secret => secret !== null && !isThere(secret)).reverse();
    },
  };
}

/** Versions are changed in place, all else of a secret is replaced. */
function copyOf(secret: Secret | null): Secret | null {
  return secret && { ...secret, versions: secret.versions.map((version) => ({ ...version })) };
}
