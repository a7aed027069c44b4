import { cel, matching, type Static, StringMap, Type } from '../../schema.ts';

/** GCP: label keys have 1–63 characters; ours begin with `vss-`. */
const keyExpression = /^(?!vss-)[a-z][a-z0-9_-]{0,62}$/;

/** A copy in GCP Secret Manager. */
export const GcpDestination = Type.Object(
  {
    project: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: "Project, by id or number. Default: the operator's setting `stores.gcp.project`.",
        ...matching(
          '^([0-9]+|([a-z0-9.-]+:)?[a-z][a-z0-9-]*[a-z0-9])$',
          'a GCP project is named by its id (my-project-1) or its number',
        ),
      }),
    ),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description:
          'Name of the secret; a `/` becomes `-`. May hold captures of `source.path`: `$1`, `${1}`, `${name}`. Default: the name of the secret within its mount, with `-` for what GCP lacks.',
        ...cel<string>({
          rule: "self.contains('$') || (self.size() <= 255 && self.matches('^[A-Za-z0-9_/-]+$'))",
          holds: (name) => name.includes('$') || /^[A-Za-z0-9_/-]{1,255}$/.test(name),
          message: 'GCP secret ids have 1 to 255 letters, digits, _ and - (a / becomes -): change the other characters',
        }),
      }),
    ),
    labels: Type.Optional(
      StringMap({
        maxProperties: 63,
        values: { maxLength: 63 },
        description: 'Labels of the copy. GCP allows 64, one of which is ours.',
        ...cel<Record<string, string>>({
          rule: "self.all(key, key.matches('^[a-z][a-z0-9_-]{0,62}$') && !key.startsWith('vss-') && self[key].matches('^[a-z0-9_-]*$'))",
          holds: (labels) =>
            Object.entries(labels).every(([key, value]) => keyExpression.test(key) && /^[a-z0-9_-]*$/.test(value)),
          message:
            'label keys have 1 to 63 lower-case letters, digits, _ and -, begin with a letter and not with vss- (our mark); values have the same characters',
        }),
      }),
    ),
  },
  { additionalProperties: false, description: 'A copy in GCP Secret Manager.' },
);
export type GcpDestination = Static<typeof GcpDestination>;
