import { stringify } from 'yaml';
import { customResourceDefinition, definitionName } from '../src/crd/generate/custom-resource-definition.ts';
import { referencePage } from '../src/crd/generate/reference-page.ts';
import { chartValuesSchema } from './chart-values-schema.ts';
import { settingsPage } from './settings-page.ts';

/** A file that is derived from a schema: nobody edits it. */
export interface GeneratedFile {
  /** From the root of the project. */
  readonly path: string;
  /** Where to edit instead. */
  readonly source: string;
  readonly text: string;
}

/** Everything in the project that is derived from a schema. */
export function generatedFiles(): GeneratedFile[] {
  const definition = `# Generated from src/crd by "node scripts/generate.ts".\n${stringify(customResourceDefinition(), yamlOptions)}`;
  return [
    { path: `deploy/crds/${definitionName}.yaml`, source: 'src/crd', text: definition },
    // Helm takes definitions from within the chart only.
    { path: `deploy/helm/crds/${definitionName}.yaml`, source: 'src/crd', text: definition },
    {
      path: 'deploy/helm/values.schema.json',
      source: 'src/config/settings.ts and scripts/chart-values-schema.ts',
      text: `${JSON.stringify(chartValuesSchema(), null, 2)}\n`,
    },
    { path: 'docs/reference/vaultsecretsync.md', source: 'src/crd', text: referencePage() },
    { path: 'docs/reference/settings.md', source: 'src/config/settings.ts', text: settingsPage() },
  ];
}

const yamlOptions = { lineWidth: 120, aliasDuplicateObjects: false };
