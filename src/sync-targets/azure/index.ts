import { fixSpec } from '../../errors.ts';
import type { TargetKind } from '../contract.ts';
import { destinationAt, targetKeyOf } from './names.ts';
import { quotaSeconds } from './rates.ts';
import type { AzureSettings } from './settings.ts';
import { openVault } from './target.ts';

export type { AzureSettings } from './settings.ts';

/** Azure Key Vault secrets. */
export const azure: TargetKind<AzureSettings> = {
  keyOf: ({ azure: destination }) => targetKeyOf(requireAzure(destination)),
  open: ({ azure: destination }, context) => openVault(requireAzure(destination), context),
  destinationAt,
  quotaSeconds,
};

function requireAzure<Destination>(destination: Destination | undefined): Destination {
  if (destination === undefined) throw fixSpec('DestinationInvalid', 'this destination is not one of azure');
  return destination;
}
