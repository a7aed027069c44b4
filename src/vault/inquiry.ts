import { type Attempt, contradictsMount, refusalOf, saysNothingThere, unclear } from './answer.ts';
import type { MountInfo, MountPlace } from './contract.ts';
import type { Mounts } from './mounts.ts';
import type { Session } from './session.ts';
import type { VaultAnswer } from './transport.ts';

type KvVersion = MountInfo['kvVersion'];

/** One thing to ask of a mount, whichever KV version it is of. */
export interface Inquiry<T> {
  readonly operation: 'read' | 'list';
  readonly place: MountPlace;
  readonly signal: AbortSignal;
  /** The percent-encoded path, and how errors put it. */
  wording(kvVersion: KvVersion): Pick<Attempt, 'what' | 'grant'> & { readonly path: string };
  /** `null` = nothing certain. */
  interpret(kvVersion: KvVersion, answer: VaultAnswer): T | null;
  /** Vault says that there is nothing; `mount` was read after that. */
  nothing(mount: MountInfo): T;
}

/**
 * One request while what is remembered of the mount holds. An answer that may contradict it (a mount that is gone, made
 * anew, or upgraded answers 404 to everything) has the mount looked at again, and the question is put once more
 * when it is of another KV version now. "There is nothing" counts only together with the mount as it was just after.
 *
 * @throws SyncError for everything that is not certain
 */
export async function inquire<T>(world: { session: Session; mounts: Mounts }, inquiry: Inquiry<T>): Promise<T> {
  const { session, mounts } = world;
  const { place, signal } = inquiry;

  async function ask(mount: MountInfo): Promise<{ result: T } | { mountNow: MountInfo; refusal: Error }> {
    const { path, ...texts } = inquiry.wording(mount.kvVersion);
    const answer = await session.ask({ operation: inquiry.operation, namespace: place.namespace, path, signal });
    const result = inquiry.interpret(mount.kvVersion, answer);
    if (result !== null) return { result };

    const attempt = { address: session.address, namespace: place.namespace, ...texts };
    const refusal = answer.status === 200 ? unclear(answer, attempt) : refusalOf(answer, attempt);
    if (!contradictsMount(answer)) throw refusal;
    mounts.forget(place);
    // The mount may be there and merely closed to us: the next attempt will look at it first.
    if (answer.status === 403) throw refusal;
    const isNothing = saysNothingThere(answer);
    const mountNow = await mounts.get(place, { fresh: true, signal }).catch((error: unknown) => {
      throw isNothing ? error : refusal;
    });
    if (isNothing && mountNow.kvVersion === mount.kvVersion) return { result: inquiry.nothing(mountNow) };
    return { mountNow, refusal };
  }

  const mount = await mounts.get(place, { fresh: false, signal });
  const first = await ask(mount);
  if ('result' in first) return first.result;
  if (first.mountNow.kvVersion === mount.kvVersion) throw first.refusal;
  const second = await ask(first.mountNow);
  if ('result' in second) return second.result;
  throw second.refusal;
}
