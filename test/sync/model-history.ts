import type { SecretRead } from '../../src/vault/contract.ts';

interface Said {
  readonly since: number;
  readonly answer: SecretRead;
  /** The mount was made anew: that the secret is not there proves nothing. */
  readonly remade: boolean;
}

/** What Vault has said of each secret, and since when. Every content is a number that grows with each put. */
export class VaultHistory {
  readonly #said = new Map<string, Said[]>();

  add(secret: string, said: Said): void {
    this.#said.set(secret, [...this.of(secret), said]);
  }

  of(secret: string): readonly Said[] {
    return this.#said.get(secret) ?? [];
  }

  /** What a standby says that is behind. */
  answerAt(secret: string, at: number): SecretRead | null {
    return this.of(secret).findLast(({ since }) => since <= at)?.answer ?? null;
  }

  /** Whether Vault has proved, after a content was put, that its secret (or this key of it) was gone. */
  provesGone(secret: string, { key, content }: { key: string | null; content: number }): boolean {
    const said = this.of(secret);
    const from = said.findIndex(({ answer }) => contentIn(answer) >= content);
    return said.slice(Math.max(0, from)).some(({ answer, remade }) => {
      if (!answer.found) return !remade;
      return key !== null && !Object.hasOwn(answer.data, key);
    });
  }

  /** Whether Vault has said a content anew since then, or says it now. */
  saysAgain(secret: string, { content, since }: { content: number; since: number }): boolean {
    const said = this.of(secret);
    return said.some((one, index) => {
      const isLatest = index === said.length - 1;
      return (isLatest || one.since > since) && contentIn(one.answer) === content;
    });
  }

  /** Whether a secret with a content was deleted in a way that can be undone: an event may mean that it was. */
  mayBeUndeleted(secret: string, content: number): boolean {
    const said = this.of(secret);
    const from = said.findIndex(({ answer }) => contentIn(answer) >= content);
    return said.slice(Math.max(0, from)).some(({ answer }) => !answer.found && answer.because === 'deleted');
  }

  /** Whether nobody can know if the secret is gone: it went with its mount. */
  isUnclear(secret: string): boolean {
    return this.of(secret).some(({ remade }) => remade) && this.of(secret).at(-1)?.answer.found === false;
  }
}

/** The number in a secret; 0 when there is none. */
function contentIn(answer: SecretRead): number {
  return answer.found ? contentOf(JSON.stringify(answer.data)) : 0;
}

/** The number in a value. */
export function contentOf(value: string): number {
  return Number(/\d+/.exec(value)?.[0] ?? 0);
}
