import type { Store } from '../crd/vault-secret-sync.ts';
import { aws } from './aws/index.ts';
import { azure } from './azure/index.ts';
import type { TargetKind } from './contract.ts';
import { gcp } from './gcp/index.ts';

/** Every kind of destination, under the name that manifests give it. */
export const targetKinds = { aws, azure, gcp } satisfies Record<Store, TargetKind>;
