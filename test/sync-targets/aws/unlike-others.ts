import type { ConformanceOptions } from '../conformance.ts';

const noSuchField = 'secrets of AWS have no such thing';

/** Where AWS is unlike other stores, so that a case of the suite cannot be had. */
export const unlikeOthers: Pick<ConformanceOptions<unknown>, 'skip' | 'lacks'> = {
  skip: { 'waits as long as the store says when it throttles': 'AWS names no time after which to ask again' },
  lacks: {
    contentType: noSuchField,
    enabled: noSuchField,
    notBefore: noSuchField,
    expires: noSuchField,
    annotations: noSuchField,
    topics: noSuchField,
    versionAliases: 'the labels of versions are left to AWS: Vault says which one is current',
    versionDestroyTtl: noSuchField,
  },
};
