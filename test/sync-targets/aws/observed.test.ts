import { describe, expect, test } from '@jest/globals';
import type { AwsDestination } from '../../../src/crd/destinations/aws.ts';
import { compare, type Description, observe } from '../../../src/sync-targets/aws/observed.ts';
import { desire } from '../conformance/under-test.ts';

const owner = '0123456789abcdef0123456789abcdef';
const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';
const keyArn = `arn:aws:kms:eu-west-1:123456789012:key/${keyId}`;

function desireCopy(aws: AwsDestination = {}) {
  return desire({ name: 'db', value: 'x', destination: { aws }, owner });
}

/** The first version of `desired`, as AWS describes it. */
function describeFirst(desired = desireCopy(), description: Partial<Description> = {}) {
  const stages = { [desired.versionIdAfter(null)]: ['AWSCURRENT'] };
  const Tags = [
    { Key: 'vss-owner', Value: desired.marks.owner },
    { Key: 'vss-ref', Value: desired.marks.ref },
  ];
  return observe({ stages, Tags, ...description }, { name: 'db', region: 'eu-west-1' });
}

describe('a copy in AWS', () => {
  test('is in sync when its version is the one that follows the one before it', () => {
    const desired = desireCopy();
    const stages = { before: ['AWSPREVIOUS'], [desired.versionIdAfter('before')]: ['AWSCURRENT', 'mine'], old: [] };

    const differences = compare(desired, describeFirst(desired, { stages }), null);

    expect(differences).toEqual([]);
  });

  test('has another value when a version of ours is current again without our doing', () => {
    const desired = desireCopy();
    const stages = { later: ['AWSPREVIOUS'], [desired.versionIdAfter(null)]: ['AWSCURRENT'] };

    const differences = compare(desired, describeFirst(desired, { stages }), null);

    expect(differences).toEqual(['value']);
  });

  test('is in sync when its version is the one that is remembered', () => {
    const stages = { theirs: ['AWSPREVIOUS'], ours: ['AWSCURRENT'] };

    const differences = compare(desireCopy(), describeFirst(desireCopy(), { stages }), { versionId: 'ours', at: 0 });

    expect(differences).toEqual([]);
  });

  test('has another value when it has no version at all', () => {
    const differences = compare(desireCopy(), describeFirst(desireCopy(), { stages: undefined }), null);

    expect(differences).toEqual(['value']);
  });

  test('has other tags when a mark is missing, and not when there are more', () => {
    const desired = desireCopy();
    const marked = describeFirst(desired);
    const more = describeFirst(desired, {
      Tags: [
        { Key: 'cost-centre', Value: '7' },
        { Key: 'vss-ref', Value: desired.marks.ref },
        { Key: 'vss-owner', Value: owner },
      ],
    });
    const less = describeFirst(desired, { Tags: [{ Key: 'vss-owner', Value: owner }] });

    const differences = [marked, more, less].map((observed) => compare(desired, observed, null));

    expect(differences).toEqual([[], [], ['tags']]);
  });

  test.each<[string, Partial<Description>, string | null]>([
    ['nobody', {}, null],
    ['a service', { OwningService: 'rds' }, 'rds'],
    ['a rotation', { RotationEnabled: true }, 'rotation'],
    ['its primary', { PrimaryRegion: 'us-east-1' }, 'replication from us-east-1'],
    ['nobody when it is the primary', { PrimaryRegion: 'eu-west-1' }, null],
  ])('is managed by %s', (_whom, description, managedBy) => {
    expect(describeFirst(desireCopy(), description).managedBy).toBe(managedBy);
  });

  test.each<[string, string | undefined, string | undefined, boolean]>([
    ['the manifest has none', undefined, 'theirs', true],
    ['they are equal', 'ours', 'ours', true],
    ['AWS shows none where it is empty', '', undefined, true],
    ['they differ', 'ours', 'theirs', false],
    ['AWS shows none', 'ours', undefined, false],
    ['the manifest empties it', '', 'theirs', false],
  ])('is compared by its description: %s', (_case, description, shown, same) => {
    const desired = desireCopy(description === undefined ? {} : { description });

    const differences = compare(desired, describeFirst(desired, { Description: shown }), null);

    expect(differences).toEqual(same ? [] : ['description']);
  });

  test.each<[string, string | undefined, string | undefined, boolean]>([
    ['no key is named', undefined, keyArn, true],
    ['the id is that of the ARN', keyId, keyArn, true],
    ['the ARNs are equal', keyArn, keyArn, true],
    ['the ids differ', keyId, 'ffffffff-12ab-34cd-56ef-1234567890ab', false],
    ['the ARNs differ by account', keyArn, keyArn.replace('123456789012', '210987654321'), false],
    ['the alias is that of the ARN', 'alias/team', 'arn:aws:kms:eu-west-1:123456789012:alias/team', true],
    ['the aliases differ', 'alias/team', 'alias/other', false],
    ['only KMS knows whose alias it is', 'alias/team', keyArn, true],
    ['AWS shows no key for its default', 'alias/aws/secretsmanager', undefined, true],
    ['AWS shows no key, and one is named', keyId, undefined, false],
    ['the default is named, and another is shown', 'alias/aws/secretsmanager', keyArn, false],
  ])('is compared by its encryption key: %s', (_case, encryptionKey, shown, same) => {
    const desired = desireCopy(encryptionKey === undefined ? {} : { encryptionKey });

    const differences = compare(desired, describeFirst(desired, { KmsKeyId: shown }), null);

    expect(differences).toEqual(same ? [] : ['encryptionKey']);
  });
});
