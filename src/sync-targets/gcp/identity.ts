import { fixSpec, SyncError } from '../../errors.ts';
import type { TargetContext } from '../contract.ts';
import { createFederatedTokens } from './federation.ts';
import type { Network } from './network.ts';
import { createOwnTokens } from './own-credentials.ts';
import type { GivenAuth } from './place.ts';
import { createKeyTokens } from './service-account-key.ts';
import type { GcpSettings } from './settings.ts';
import type { TokenSource } from './tokens.ts';

/**
 * Whose tokens go with the calls of a target. One that was opened for an identity of a manifest has that or none: the
 * operator's own credentials never stand in for it.
 * @throws SyncError `FixSpec` when a manifest names an identity and none was handed in
 */
export function identityFor(
  auth: GivenAuth | undefined,
  { settings, identity, now }: Pick<TargetContext<GcpSettings>, 'settings' | 'identity' | 'now'>,
): (network: Network) => TokenSource {
  if (auth === undefined && identity === undefined)
    return (network) => (settings.insecure ? noTokens : createOwnTokens(network, settings));
  if (auth === undefined || identity === undefined)
    throw fixSpec('IdentityMissing', 'gcp.auth names an identity, which there is only for manifests from Kubernetes');
  if (settings.insecure) return () => createRefusal(identity.label);
  const { workloadIdentityProvider: provider, impersonate = null } = auth;
  if (provider === undefined) return () => createKeyTokens(identity, now);
  return (network) => createFederatedTokens({ identity, provider, impersonate }, { network, settings, now });
}

/** Without TLS no token may be sent, so none is looked for: that search would ask the network for a metadata server. */
const noTokens: TokenSource = { headers: async () => ({}), forget: () => undefined };

function createRefusal(label: string): TokenSource {
  const message = `GCP: stores.gcp.insecure sends plain text, and so no token of the ${label}; give the endpoint TLS and stores.gcp.caFile`;
  return {
    headers: async () => {
      throw new SyncError({ remedy: 'SlowRetry', reason: 'InsecureIdentity', message });
    },
    forget: () => undefined,
  };
}
