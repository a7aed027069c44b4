import { targetConformance } from './conformance.ts';
import { openGcp } from './gcp/under-test.ts';

const noDescription = 'secrets of GCP have labels and annotations, and no description';

targetConformance({
  name: 'gcp',
  open: openGcp,
  skip: {
    'makes no second version when an update whose answer was lost is tried again':
      'AddSecretVersion has no idempotency token, and what the new version holds may not be read',
    'creates a copy with its description, and brings a changed one to it': noDescription,
    'leaves a description alone when the manifest has none': noDescription,
  },
});
