/** AWS shows no key where this one is used. */
export const defaultKey = 'alias/aws/secretsmanager';

/**
 * Whether two names of a KMS key may mean the same: an id and an ARN are compared, but only KMS could say what an alias
 * stands for, so an alias and an id may always be the same.
 */
export function mayBeSameKey(left: string, right: string): boolean {
  if (left.startsWith('arn:') && right.startsWith('arn:') && isAlias(left) === isAlias(right)) return left === right;
  const [one, other] = [nameOfKey(left), nameOfKey(right)];
  if (one === defaultKey || other === defaultKey) return one === other;
  return isAlias(one) === isAlias(other) ? one === other : true;
}

/** `key/<id>` or `alias/<name>`, of an ARN, an id or an alias. */
function nameOfKey(key: string): string {
  // arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
  const name = key.startsWith('arn:') ? key.split(':').slice(5).join(':') : key;
  return name.includes('/') ? name : `key/${name}`;
}

function isAlias(key: string): boolean {
  return nameOfKey(key).startsWith('alias/');
}
