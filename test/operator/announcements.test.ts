import { describe, expect, test } from '@jest/globals';
import type { Condition, SyncStatus } from '../../src/crd/status.ts';
import { announcementsOf } from '../../src/operator/announcements.ts';

function status(ready: string, source = 'True Reachable'): SyncStatus {
  const condition = (type: Condition['type'], words: string): Condition => {
    const [is = '', reason = ''] = words.split(' ');
    return { type, status: is as Condition['status'], reason, message: `${reason}!`, lastTransitionTime: '' };
  };
  return { conditions: [condition('Ready', ready), condition('SourceAvailable', source)] };
}

const normal = (reason: string) => ({ type: 'Normal', reason, message: `${reason}!` });
const warning = (reason: string) => ({ type: 'Warning', reason, message: `${reason}!` });

describe('people are told', () => {
  test.each<[string, SyncStatus | null, SyncStatus, object[]]>([
    ['that a sync is ready', null, status('True InSync'), [normal('InSync')]],
    ['nothing while it stays so', status('True InSync'), status('True InSync'), []],
    ['that it is no more', status('True InSync'), status('False AccessDenied'), [warning('AccessDenied')]],
    [
      'that it fails for another reason',
      status('False AccessDenied'),
      status('False Throttled'),
      [warning('Throttled')],
    ],
    ['that it is again', status('False Throttled'), status('True InSync'), [normal('InSync')]],
    ['nothing of what is only under way', status('True InSync'), status('Unknown Progressing'), []],
    ['what came of it', status('Unknown Progressing'), status('False NameInvalid'), [warning('NameInvalid')]],
    ['that it is suspended', status('True InSync'), status('Unknown Suspended'), [normal('Suspended')]],
    ['that Vault is away', status('True InSync'), status('True InSync', 'False VaultSealed'), [warning('VaultSealed')]],
    [
      'that Vault is away for another reason',
      status('True InSync', 'False VaultSealed'),
      status('True InSync', 'False PermissionDenied'),
      [warning('PermissionDenied')],
    ],
    ['that Vault is back', status('True InSync', 'False VaultSealed'), status('True InSync'), [normal('Reachable')]],
    ['nothing of a first good answer', status('True InSync', 'Unknown NotReadYet'), status('True InSync'), []],
    [
      'once, what is the reason for both',
      status('True InSync'),
      status('False MountNotKv', 'False MountNotKv'),
      [warning('MountNotKv')],
    ],
    [
      'both, where both happen',
      status('True InSync', 'False VaultSealed'),
      status('False Throttled'),
      [warning('Throttled'), normal('Reachable')],
    ],
    ['nothing of a status without conditions', null, { copies: '0/0' }, []],
  ])('%s', (_what, before, after, expected) => {
    expect(announcementsOf(before, after)).toEqual(expected);
  });
});
