import { describe, expect, test } from '@jest/globals';
import type { Attempt } from '../../src/kubernetes/attempt.ts';
import { cutAtBytes } from '../../src/kubernetes/events.ts';
import { HttpFailure } from '../../src/kubernetes/failure.ts';
import { toKubernetesError } from '../../src/kubernetes/kubernetes-error.ts';
import { describeError } from '../../src/logging.ts';

const attempt: Attempt = { verb: 'patch', group: 'g.io', resource: 'things/status', namespace: 'ns', name: 'one' };
const hidden = 'hunter2';

function answer(status: number, body: object | string, headers = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return toKubernetesError(new HttpFailure(status, text, headers), attempt);
}

describe('an answer of the API server becomes its remedy', () => {
  test.each([
    [401, 'SlowRetry', 'Unauthorized'],
    [404, 'SlowRetry', 'NotFound'],
    [409, 'Retry', 'Failed'],
    [422, 'SlowRetry', 'Invalid'],
    [429, 'RateLimited', 'RateLimited'],
    [500, 'Retry', 'Failed'],
    [503, 'Retry', 'Failed'],
  ])('%i: %s', (status, remedy, reason) => {
    expect(answer(status, 'no JSON')).toMatchObject({ remedy, reason, code: String(status) });
  });

  test('a 403 by RBAC names the rule to add', () => {
    const message = 'things "one" is forbidden: User "x" cannot patch resource "things/status" in API group "g.io"';

    expect(answer(403, { reason: 'Forbidden', message }).message).toBe(
      'Kubernetes does not allow us to patch things.g.io (status) ns/one: add to a Role in namespace ns (or a ClusterRole) {apiGroups: ["g.io"], resources: ["things/status"], verbs: ["patch"]}',
    );
  });

  test('a 403 by admission does not send anybody to RBAC', () => {
    const error = answer(403, { reason: 'Forbidden', message: 'exceeded quota: few' });

    expect(error.message).toContain('though RBAC allows it');
  });

  test('a 429 says when to come back', () => {
    expect(answer(429, {}, { 'retry-after': '7' }).retryAfterMs).toBe(7000);
  });

  test('a 422 names the fields', () => {
    const causes = [{ field: 'status.copies', message: hidden }];

    expect(answer(422, { reason: 'Invalid', details: { causes } }).message).toContain(
      'because of status.copies (HTTP 422',
    );
  });
});

describe('no answer becomes', () => {
  test.each([
    ['ECONNREFUSED', 'Retry', 'Unreachable'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SlowRetry', 'NotTrusted'],
  ])('%s: %s', (code, remedy, reason) => {
    const error = new TypeError('fetch failed', { cause: Object.assign(new Error(hidden), { code }) });

    expect(toKubernetesError(error, attempt)).toMatchObject({ remedy, reason, code });
  });

  test('a time limit: retry', () => {
    const error = new DOMException('x', 'TimeoutError');

    expect(toKubernetesError(error, attempt).message).toContain('does not answer (time limit; tried to patch');
  });
});

test('nothing that the API server or the library quotes is logged or shown', () => {
  const body = {
    reason: hidden.repeat(20),
    message: hidden,
    details: { causes: [{ field: `a ${hidden}`, message: hidden }] },
  };
  const errors = [400, 401, 403, 404, 409, 422, 429, 500].map((status) => answer(status, body, { cookie: hidden }));

  const shown = errors.map((error) => `${error.message} ${error.reason} ${JSON.stringify(describeError(error))}`);

  expect(shown.join('\n')).not.toContain(hidden);
});

test('a text is cut at so many bytes, never within a character', () => {
  expect(cutAtBytes('ab€d', 4)).toBe('ab');
  expect(cutAtBytes('ab€d', 5)).toBe('ab€');
  expect(cutAtBytes('ab', 5)).toBe('ab');
});
