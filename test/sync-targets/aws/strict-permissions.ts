/** An identity-based policy, as far as docs/reference/stores/aws.md uses the language. */
export interface Policy {
  readonly Statement: readonly {
    readonly Effect: 'Allow';
    readonly Action: string | readonly string[];
    readonly Resource: string | readonly string[];
    /** `{"aws:ResourceTag/key": "false"}`: the tag must be there. */
    readonly Condition?: { readonly Null?: Readonly<Record<string, 'true' | 'false'>> };
  }[];
}

export interface Wish {
  /** E.g. `secretsmanager:PutSecretValue`. */
  readonly action: string;
  /** Tags that the secret bears; of one that is being created those of the request (IAM: `aws:ResourceTag`). */
  readonly resourceTags: ReadonlySet<string>;
  readonly requestTags: ReadonlySet<string>;
}

/** Whether a policy allows it. Conditions that it cannot judge fail the test. */
export function isAllowed({ Statement }: Policy, { action, resourceTags, requestTags }: Wish): boolean {
  const isPresent = (key: string): boolean => {
    const [scope = '', tag = ''] = key.split('/');
    if (scope === 'aws:ResourceTag') return resourceTags.has(tag);
    if (scope === 'aws:RequestTag') return requestTags.has(tag);
    throw new Error(`the condition key ${key} is not known here`);
  };
  return Statement.some(({ Effect, Action, Condition = {}, ...rest }) => {
    const { Null = {}, ...others } = Condition;
    if (Effect !== 'Allow' || Object.keys(others).length > 0)
      throw new Error(`not known here: ${JSON.stringify(rest)}`);
    return (
      [Action].flat().includes(action) &&
      Object.entries(Null).every(([key, absent]) => isPresent(key) === (absent === 'false'))
    );
  });
}
