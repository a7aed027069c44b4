import { apiVersion, finalizer, kind, requestedAtAnnotation, Spec, SyncStatus } from '../vault-secret-sync.ts';
import { exampleExplained, exampleManifest } from './example.ts';
import { describeFields, type Section } from './fields-table.ts';
import { structuralSchema } from './structural-schema.ts';

/** The page for users about the custom resource, in Markdown. */
export function referencePage(): string {
  return [
    `<!-- Generated from src/crd by "node scripts/generate.ts". -->`,
    `# ${kind}`,
    `\`${apiVersion}\`, namespaced, short name \`vss\`. It says which secrets of Vault (or OpenBao) are kept the same where.`,
    '## Example',
    `\`\`\`yaml\n${exampleManifest}\`\`\``,
    'In the above example:',
    exampleExplained.map((point) => `- ${point}`).join('\n'),
    '## Writing a spec',
    writing,
    ...sections(describeFields(structuralSchema(Spec), 'spec')),
    '## Working with it',
    working,
    '## Status',
    status,
    ...sections(describeFields(structuralSchema(SyncStatus), 'status')),
  ]
    .join('\n\n')
    .concat('\n');
}

function sections(described: Section[]): string[] {
  return described.flatMap(({ path, text }) => [`### \`${path}\``, text]);
}

const writing = `The API server refuses what breaks a rule below, with the sentence given here; \`vault-secret-sync\` refuses manifests in files with the
same sentences, and names the nearest known field where one is misspelt. The API server reports unknown fields where the client asks
for strict field validation, as \`kubectl\` does by default. What only the operator can see (a policy that forbids the path, a name that a store does not
take) makes the resource \`Stalled\`, with a sentence that says what to do.`;

const working = `**See what is in sync.** \`kubectl get vss\` shows \`Ready\`, its reason and how many copies are in sync; \`-o wide\` adds the sentence.
\`kubectl wait --for=condition=Ready vss/databases\` waits for it.

**Ask for a reconcile now.** Any new value of an annotation does:

\`\`\`sh
kubectl annotate --overwrite vss/databases ${requestedAtAnnotation}="$(date -Ins)"
\`\`\`

It was done when \`status.lastHandledReconcileAt\` has that value.

**See first what would be written.** With \`spec.dryRun: true\` Vault is read and the work planned, but nothing is written.

**Stop for a while.** With \`spec.suspend: true\` nothing is read or written; changes made meanwhile are caught up afterwards.

**Take it away.** With \`removalPolicy: Retain\` the copies stay when the resource or a destination is removed. With \`removalPolicy: Delete\` they go: the
resource then bears the finalizer \`${finalizer}\` until they are gone. Only copies that bear the mark of this resource are ever deleted.

**See what a copy was made of.** Each copy bears the mark \`vss-owner\` and, readable, \`vss-ref\`: \`<namespace>/<name> <mount>/<path> <mount id>\`, of a copy by key with the key behind it. What has no
place in a tag is written \`=C3=A9\`; where it is longer than 256 characters the resource stands there alone. By this mark a full reconcile finds, and follows, secrets that
were deleted while nothing listened and no record of the copy is left; the mount id (8 hex of a hash of its uuid) proves that they were in this very mount.

**Take over what is there already.** A secret in the store that bears no mark of this resource is left alone and reported as a conflict, unless
\`adoptionPolicy\` says otherwise.`;

const status = `\`Ready\` is True when every selected copy was in sync at \`observedGeneration\`. \`Reconciling\` is True while work is going on. \`Stalled\` is True when
only an edit helps, and its message says which. \`SourceAvailable\` is False while Vault cannot be read; \`Ready\` then keeps its value, for the copies
are what they were. Lists are bounded: \`failures\` holds the worst few, however many secrets are selected.`;
