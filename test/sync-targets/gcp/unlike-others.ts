import type { ConformanceOptions } from '../conformance.ts';

const noSuchField = 'secrets of GCP have no such thing';
const noDescription = 'secrets of GCP have labels and annotations, and no description';

/** Where GCP is unlike other stores, so that a case of the suite cannot be had. */
export const unlikeOthers: Pick<ConformanceOptions<unknown>, 'skip' | 'lacks'> = {
  skip: {
    'makes no second version when an update whose answer was lost is tried again':
      'AddSecretVersion has no idempotency token, and what the new version holds may not be read',
    'creates a copy with its description, and brings a changed one to it': noDescription,
    'leaves a description alone when the manifest has none': noDescription,
  },
  lacks: {
    description: noDescription,
    replicas: 'where Google keeps a secret is fixed once it is there, which tests of its own are about',
    resourcePolicy: 'who may read is said in IAM, and the operator has no right to change it',
    contentType: noSuchField,
    enabled: 'versions are enabled one by one, and a disabled newest one is a value that differs',
    notBefore: noSuchField,
  },
};
