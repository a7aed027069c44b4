import { type Static, Type } from '../schema.ts';

/** Entries of a list, and characters of each: patterns and keys alike. */
const maxEntries = 100;
const maxEntryLength = 512;

function entries(description: string) {
  return Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: maxEntryLength }), {
      maxItems: maxEntries,
      description,
      'x-kubernetes-list-type': 'atomic',
    }),
  );
}

export const Filters = Type.Object(
  {
    regex: Type.Optional(
      Type.Object(
        {
          include: entries('RE2 patterns of which one must match anywhere in the path, unless there are none.'),
          exclude: entries('RE2 patterns none of which may match anywhere in the path.'),
        },
        { additionalProperties: false, description: 'Filters by pattern, e.g. `^secret/team-[a-z]+/db$`.' },
      ),
    ),
    path: Type.Optional(
      Type.Object(
        {
          include: entries('Whole paths of which one must be the path of the secret, unless there are none.'),
          exclude: entries('Whole paths that are left out.'),
        },
        { additionalProperties: false, description: 'Filters by the whole path, e.g. `secret/app/db`.' },
      ),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Which of the selected secrets are copied, by their path with its mount and without `data/`; both kinds of filter must let a secret pass.',
  },
);
export type Filters = Static<typeof Filters>;

const keyName = { minLength: 1, maxLength: maxEntryLength };

export const Transforms = Type.Object(
  {
    exclude: entries(
      'Keys of the secret that are left out: a key, or an RE2 pattern that may match anywhere in it (one of `[](){}+*?|` makes a pattern).',
    ),
    include: entries('Keys that are kept, written like those of `exclude`; an empty list keeps none.'),
    rename: Type.Optional(
      Type.Array(
        Type.Object(
          {
            from: Type.String({ ...keyName, description: 'The key as Vault has it.' }),
            to: Type.String({ ...keyName, description: 'The key in the copy.' }),
          },
          { additionalProperties: false },
        ),
        {
          maxItems: maxEntries,
          description: 'New names of keys, after `exclude` and `include`; the last entry for a key counts.',
          'x-kubernetes-list-type': 'atomic',
        },
      ),
    ),
    template: Type.Optional(
      Type.String({
        maxLength: 65_536,
        description:
          'A template in the syntax of Go and of Sprig, rendered over the keys that are left; its output is the value of the copy. See `docs/reference/templates.md`. Default: the keys as JSON.',
      }),
    ),
  },
  { additionalProperties: false, description: 'What of a secret is copied, and in which shape.' },
);
export type Transforms = Static<typeof Transforms>;
