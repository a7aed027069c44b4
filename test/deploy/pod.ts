import { parseArguments } from '../../src/cli/arguments.ts';
import { loadSettings } from '../../src/config/load.ts';
import type { Settings } from '../../src/config/settings.ts';
import { type Container, only, type PodSpec, type Rendered, releaseNamespace, type Variable } from './chart.ts';

/** What the pod of a Deployment is, and what the program in it would find. */
export interface Pod {
  readonly deployment: Rendered;
  readonly spec: PodSpec;
  readonly container: Container;
  /** The settings file as it stands in the ConfigMap. */
  readonly file: string;
  /** What the program makes of its arguments, environment and settings file. @throws InputError */
  settings(): Settings;
}

/** The pod of a Deployment. Secrets that its variables take are Redis addresses. */
export function podOf(objects: readonly Rendered[], name: string): Pod {
  const deployment = only(objects, 'Deployment', name);
  const { spec } = deployment.spec.template;
  const [container] = spec.containers;
  const [command, ...words] = container.args;
  const given = parseArguments(words, [{ name: 'settings', value: 'FILE', description: '' }]);
  const path = String(given.own['settings']);
  const file = readMounted(objects, { spec, container, path });
  return {
    deployment,
    spec,
    container,
    file,
    settings() {
      if (command !== 'start') throw new Error(`the container runs ${command}`);
      return loadSettings({ file: { name: path, text: file }, env: environmentOf(container), flags: given.settings });
    },
  };
}

function environmentOf({ env = [] }: Container): Record<string, string> {
  return Object.fromEntries(env.map((variable) => [variable.name, readVariable(variable)]));
}

function readVariable({ name, value, valueFrom }: Variable): string {
  if (value !== undefined) return value;
  if (valueFrom?.fieldRef?.fieldPath === 'metadata.namespace') return releaseNamespace;
  if (valueFrom?.secretKeyRef) return 'rediss://user:password@redis:6379/0';
  throw new Error(`the variable ${name} has no value`);
}

/** A file that a ConfigMap of the chart puts into the container. */
function readMounted(
  objects: readonly Rendered[],
  { spec, container, path }: { spec: PodSpec; container: Container; path: string },
): string {
  const mount = container.volumeMounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
  const volume = spec.volumes.find(({ name }) => name === mount?.name);
  const text = only(objects, 'ConfigMap', volume?.configMap?.name).data?.[
    path.slice((mount?.mountPath.length ?? 0) + 1)
  ];
  if (text === undefined) throw new Error(`nothing is mounted at ${path}`);
  return text;
}

/** The Secrets that a pod takes anything from: volumes and variables. */
export function secretsOf({ spec, container }: Pod): string[] {
  const mounted = spec.volumes.flatMap(({ secret }) => (secret ? [secret.secretName] : []));
  const named = (container.env ?? []).flatMap(({ valueFrom }) =>
    valueFrom?.secretKeyRef ? [valueFrom.secretKeyRef.name] : [],
  );
  return [...mounted, ...named].sort();
}
