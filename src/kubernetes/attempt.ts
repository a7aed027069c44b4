import { toKubernetesError } from './kubernetes-error.ts';

/** What a request tries, in the words of RBAC. */
export interface Attempt {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch';
  /** Empty for the core group. */
  readonly group: string;
  /** With its subresource: `vaultsecretsyncs/status`. */
  readonly resource: string;
  /** Left out for what has none, or for all. */
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

/** Makes a request; whatever it throws becomes an error that says what was tried and what to do. */
export async function attempting<T>(attempt: Attempt, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw toKubernetesError(error, attempt);
  }
}
