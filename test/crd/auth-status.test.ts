import { expect, test } from '@jest/globals';
import { AwsDestination } from '../../src/crd/destinations/aws.ts';
import { AzureDestination } from '../../src/crd/destinations/azure.ts';
import { GcpDestination } from '../../src/crd/destinations/gcp.ts';
import { DestinationStatus } from '../../src/crd/status.ts';

test('a status keeps all that the identity of a destination says, of every store', () => {
  const stores = [AwsDestination, AzureDestination, GcpDestination];

  const said = stores.flatMap(({ properties }) => Object.keys(properties.auth.properties));

  expect(Object.keys(DestinationStatus.properties.auth.properties).sort()).toEqual([...new Set(said)].sort());
});
