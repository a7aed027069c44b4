import type { CoreV1Api } from '@kubernetes/client-node';
import { attempting } from './attempt.ts';
import type { IssuedToken, TokenRequest } from './contract.ts';

/** Asks the API server for a token of a ServiceAccount. */
export async function requestToken(api: CoreV1Api, request: TokenRequest): Promise<IssuedToken> {
  const { namespace, serviceAccount: name, audiences, expirationSeconds } = request;
  const attempt = { verb: 'create', group: '', resource: 'serviceaccounts/token', namespace, name } as const;
  const body = { spec: { audiences: [...audiences], expirationSeconds } };
  const { status } = await attempting(attempt, () =>
    api.createNamespacedServiceAccountToken({ namespace, name, body }),
  );
  if (!status?.token || !status.expirationTimestamp) throw new Error('a TokenRequest was answered without a token');
  return { token: status.token, expiresAt: status.expirationTimestamp.getTime() };
}
