import type { ConformanceOptions } from '../conformance.ts';

const noDescription = 'secrets of Azure Key Vault have tags and a content type, and no description';
const noSuchField = 'secrets of Azure Key Vault have no such thing';
const alwaysOverwrites = 'Azure has no conditional write: SetSecret makes a new version whatever is there';

/** Where Azure is unlike other stores, so that a case of the suite cannot be had. */
export const unlikeOthers: Pick<ConformanceOptions<unknown>, 'skip' | 'lacks'> = {
  skip: {
    'refuses to create over a secret that appeared meanwhile': alwaysOverwrites,
    'makes no second version when an update whose answer was lost is tried again': alwaysOverwrites,
    'creates a copy with its description, and brings a changed one to it': noDescription,
    'leaves a description alone when the manifest has none': noDescription,
    'sees whose a name is after a stranger took it between the look and the creation': alwaysOverwrites,
  },
  lacks: {
    description: noDescription,
    encryptionKey: 'the key is the vault’s, and Azure keeps no other for one secret',
    replicas: 'Azure replicates vaults, and by itself',
    resourcePolicy: 'who may read is said for the vault and in roles',
    annotations: noSuchField,
    topics: 'Event Grid is told for the whole vault',
    versionAliases: noSuchField,
    versionDestroyTtl: 'Azure cannot delete versions one by one',
  },
};
