import { targetConformance } from './conformance.ts';
import { openGcp } from './gcp/under-test.ts';
import { unlikeOthers } from './gcp/unlike-others.ts';

targetConformance({ name: 'gcp', open: () => openGcp('grpc'), ...unlikeOthers });
targetConformance({ name: 'gcp over REST', open: () => openGcp('rest'), ...unlikeOthers });
