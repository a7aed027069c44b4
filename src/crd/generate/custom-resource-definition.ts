import { group, kind, plural, Spec, SyncStatus, version } from '../vault-secret-sync.ts';
import { type StructuralSchema, structuralSchema } from './structural-schema.ts';

/** `vaultsecretsyncs.vaultsecretsync.dev`: Kubernetes prescribes it. */
export const definitionName = `${plural}.${group}`;

/** The columns of `kubectl get vss`; `Message` only with `-o wide`. */
const printerColumns = [
  conditionColumn('Ready', 'status', 'Whether every selected copy is in sync.'),
  conditionColumn('Reason', 'reason', 'Why it is, or is not.'),
  { name: 'Copies', type: 'string', jsonPath: '.status.copies', description: 'Copies in sync, of all.' },
  { ...conditionColumn('Message', 'message', 'The same in a sentence.'), priority: 1 },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

function conditionColumn(name: string, field: string, description: string) {
  return { name, type: 'string', jsonPath: `.status.conditions[?(@.type=="Ready")].${field}`, description };
}

/** The definition of our custom resource, as `kubectl apply` takes it. */
export function customResourceDefinition(): StructuralSchema {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: definitionName },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: ['vss'],
        categories: ['vault-secret-sync'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: printerColumns,
          schema: { openAPIV3Schema: resourceSchema() },
        },
      ],
    },
  };
}

function resourceSchema(): StructuralSchema {
  const status = { ...structuralSchema(SyncStatus), description: 'What was done, written by the operator.' };
  return {
    type: 'object',
    description: 'Keeps secrets of Vault (or OpenBao) the same in other secret stores.',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: structuralSchema(Spec),
      status,
    },
  };
}
