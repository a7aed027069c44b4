import type { Spec, VaultSecretSync } from '../../src/crd/vault-secret-sync.ts';
import { someSync } from './some-sync.ts';

type StoreName = 'aws' | 'azure' | 'gcp';

/** A copy as the model expects it, told without a look at the code that makes it. */
export interface ExpectedCopy {
  readonly store: StoreName;
  readonly name: string;
  readonly secret: string;
  /** The key that it is the value of; null = it holds all keys that are chosen. */
  readonly key: string | null;
}

/** One way to write a manifest, and the copies of a secret with these keys that it asks for. */
interface Wording {
  readonly spec: Partial<Spec>;
  copies(secret: string, keys: readonly string[]): readonly ExpectedCopy[];
}

const all = { path: 'secret/app/.*' };
const some = { path: 'secret/app/[ab]' };
const aws = { aws: {} };
const azure = { azure: { vaultName: 'team-a' } };

function wholes(spec: Partial<Spec>, selects: RegExp, stores: readonly StoreName[]): Wording {
  const copies = (secret: string) =>
    selects.test(secret) ? stores.map((store) => ({ store, name: secret, secret, key: null })) : [];
  return { spec, copies };
}

function keyed(spec: Partial<Spec>, nameOf: (secret: string, key: string) => string | null): Wording {
  const copies = (secret: string, keys: readonly string[]) =>
    keys.flatMap((key) => {
      const name = nameOf(secret, key);
      return name === null ? [] : [{ store: 'gcp' as const, name, secret, key }];
    });
  return { spec: { maxDeletions: 2, ...spec }, copies };
}

const inOrder = (template?: string) => [
  { gcp: { granularity: 'key' as const, ...(template ? { name: template } : {}) } },
];

/**
 * The syncs of the model: two that copy whole secrets and want some of the same copies, and one that copies keys and may
 * delete only two copies in ten minutes. What is taken out of a manifest is deleted.
 */
export const manifests: Readonly<
  Record<string, { readonly createdAt: number; readonly wordings: readonly Wording[] }>
> = {
  whole: {
    createdAt: 1,
    wordings: [
      wholes({ source: all, dest: [aws, azure] }, /^app/, ['aws', 'azure']),
      wholes({ source: some, dest: [aws, azure] }, /^app\/[ab]$/, ['aws', 'azure']),
      wholes({ source: all, dest: [aws] }, /^app/, ['aws']),
      wholes({ source: { path: 'secret/app/c' }, dest: [azure] }, /^app\/c$/, ['azure']),
    ],
  },
  rival: {
    createdAt: 2,
    wordings: [
      wholes({ source: some, dest: [aws] }, /^app\/[ab]$/, ['aws']),
      wholes({ source: all, dest: [azure] }, /^app/, ['azure']),
    ],
  },
  keys: {
    createdAt: 3,
    wordings: [
      keyed({ source: all, dest: inOrder() }, (secret, key) => `${secret}/${key}`),
      keyed({ source: all, dest: inOrder(), transforms: { exclude: ['two'] } }, (secret, key) =>
        key === 'two' ? null : `${secret}/${key}`,
      ),
      keyed({ source: some, dest: inOrder('{{ .key }}/{{ .base }}') }, (secret, key) =>
        /[ab]$/.test(secret) ? `${key}/${secret.slice('app/'.length)}` : null,
      ),
    ],
  },
};

export interface Manifest {
  readonly sync: VaultSecretSync;
  readonly wording: Wording;
}

/** Writes a manifest. Its age shows in the tags, so that of two writings the newer one can be told. */
export function writeManifest(
  name: string,
  options: { wording: number; generation: number; createdAt: number },
): Manifest {
  const { generation, createdAt } = options;
  const { wordings = [] } = manifests[name] ?? {};
  const wording = wordings[options.wording % wordings.length];
  if (!wording) throw new Error(`the model has no sync ${name}`);
  const tags = { age: `${createdAt}.${generation}` };
  const dest = wording.spec.dest?.map((one) => {
    if (one.aws) return { aws: { ...one.aws, tags } };
    return one.azure ? { azure: { ...one.azure, tags } } : one;
  });
  const spec = { removalPolicy: 'Delete' as const, ...wording.spec, ...(dest ? { dest } : {}) };
  return { sync: someSync(spec, { name, generation, createdAt }), wording };
}

/** What a copy in a store is made of, whichever wording asks for it. */
export function copyAt(store: string, name: string, secrets: readonly string[]): ExpectedCopy | undefined {
  const wordings = Object.values(manifests).flatMap((manifest) => manifest.wordings);
  const copies = wordings.flatMap((wording) => secrets.flatMap((secret) => wording.copies(secret, allKeys)));
  return copies.find((copy) => copy.store === store && copy.name === name);
}

export const allKeys = ['one', 'two'];

/** A `VaultSecretSync` in the cluster. */
export interface Resource {
  manifest: Manifest | null;
  /** The one before, which a replica may not have seen replaced. */
  previous: Manifest | null;
  /** Its copies are being taken away. */
  removing: Manifest | null;
  readonly places: Set<string>;
  mounts: Readonly<Record<string, string>>;
}

/** A manifest as a replica sees it. */
export function withStatus(
  { sync }: Manifest,
  { places, mounts }: Pick<Resource, 'places' | 'mounts'>,
): VaultSecretSync {
  const destinations = [...places].map((destination) => ({ destination }));
  const sourceMounts = Object.entries(mounts).map(([mount, uuid]) => ({ mount, uuid }));
  return { ...sync, status: { destinations, sourceMounts } };
}

export function keyOf(name: string): string {
  return `team-a/${name}`;
}
