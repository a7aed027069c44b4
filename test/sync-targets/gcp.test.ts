import { interruptions } from './conformance/interruptions.ts';
import { targetConformance } from './conformance.ts';
import { openGcp } from './gcp/under-test.ts';
import { unlikeOthers } from './gcp/unlike-others.ts';

targetConformance({ name: 'gcp', open: () => openGcp('grpc'), ...unlikeOthers });
targetConformance({ name: 'gcp over REST', open: () => openGcp('rest'), ...unlikeOthers });

const atOnce = 'looks right after a write, without what the ledger remembers, for what is not to be seen yet';

targetConformance({
  name: 'gcp, whose lists and newest versions are behind,',
  open: () => openGcp('grpc', { settlingMs: 100 }),
  skip: {
    ...unlikeOthers.skip,
    ...Object.fromEntries(Object.keys(interruptions).map((title) => [title, 'as above, and slow when all is late'])),
  },
  lacks: {
    ...unlikeOthers.lacks,
    tags: atOnce,
    annotations: atOnce,
    encryptionKey: atOnce,
    expires: atOnce,
    topics: atOnce,
    versionAliases: atOnce,
    versionDestroyTtl: atOnce,
  },
});
