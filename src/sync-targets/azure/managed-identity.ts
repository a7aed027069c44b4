import { Agent } from 'node:http';
import type { AzureSettings } from './settings.ts';
import { askForToken, codeOf, isPassing, passingError, signInError, type Token, tokenIn } from './token-endpoint.ts';

/** Reachable from the machine alone. */
const metadataService = 'http://169.254.169.254/metadata/identity/oauth2/token';

/**
 * A token of the identity that Azure gave the machine, or the app. Two protocols:
 * - machines (also nodes of a cluster): the metadata service (IMDS), `Metadata: true`, which must not go through a proxy,
 *   https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 * - App Service and Container Apps: a local address and a secret header, `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`,
 *   https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
 * @throws SyncError
 */
export async function askManagedIdentity(settings: AzureSettings, now: () => number): Promise<Token> {
  const { clientId, dnsSuffix, managedIdentityEndpoint, managedIdentityHeader, signInTimeoutMs } = settings;
  const isApp = managedIdentityHeader !== undefined;
  const url = new URL(managedIdentityEndpoint ?? metadataService);
  url.searchParams.set('api-version', isApp ? '2019-08-01' : '2018-02-01');
  url.searchParams.set('resource', `https://${dnsSuffix}`);
  if (clientId !== undefined) url.searchParams.set('client_id', clientId);
  const askedAt = now();
  const agent = new Agent({ keepAlive: false });
  const answer = await askForToken({
    url: url.href,
    agent,
    headers: isApp ? { 'x-identity-header': managedIdentityHeader } : { metadata: 'true' },
    limitMs: signInTimeoutMs,
    check: 'that this runs on Azure with a managed identity, and stores.azure.managedIdentityEndpoint',
  }).finally(() => agent.destroy());
  const token = tokenIn(answer, askedAt);
  if (token) return token;
  const who = clientId === undefined ? 'as the managed identity' : `as the managed identity ${clientId}`;
  const where = `signing in at ${url.host} ${who}`;
  // IMDS says 404 and 410 while it is being updated.
  if (isPassing(answer.status) || answer.status === 404 || answer.status === 410) throw passingError(where, answer);
  const code = codeOf(answer);
  throw signInError('SlowRetry', {
    reason: 'SignInRefused',
    text: `${where} was refused with ${answer.status} ${code}: give the machine or app that identity, and name it in stores.azure.clientId where it has several`,
    code,
  });
}
